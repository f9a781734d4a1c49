//! Large bytes kept once, by their content: the rows that many events refer to by hash.
//! In: bytes. Out: their hash, and later the same bytes for it.
//! Invariant: what is handed out for a hash has that hash.

use sqlx::Row;

use crate::Journal;
use crate::error::{Damage, JournalError};
use crate::event::sha256_hex;

impl Journal {
    /// Keeps bytes and returns their SHA-256 as 64 lower-case hexadecimal digits.
    ///
    /// They are on the disk when this returns, so an event may name them. Bytes that are kept
    /// already are not written again; bytes that no event names do no harm.
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<String, JournalError> {
        let hash = sha256_hex(bytes);
        sqlx::query("INSERT INTO blob (hash, body) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING")
            .bind(hash.as_str())
            .bind(bytes)
            .execute(&self.pool)
            .await
            .map_err(self.failed("write to"))?;
        Ok(hash)
    }

    /// The bytes kept under a hash, checked against it.
    pub async fn blob(&self, hash: &str) -> Result<Vec<u8>, JournalError> {
        let failed = self.failed("read");
        let row = sqlx::query("SELECT body FROM blob WHERE hash = $1")
            .bind(hash)
            .fetch_optional(&self.pool)
            .await
            .map_err(&failed)?;
        let Some(row) = row else {
            return Err(JournalError::NotFound { what: format!("blob {hash} in {}", self.place), remedy: "" });
        };
        let bytes: Vec<u8> = row.try_get(0).map_err(&failed)?;
        let found = sha256_hex(&bytes);
        if found != hash {
            let damage = Damage::Blob { hash: hash.to_owned(), found };
            return Err(JournalError::damaged(&self.place, damage));
        }
        Ok(bytes)
    }

    /// Reads every blob and returns how many there are, or the first that is not what was kept.
    pub async fn verify_blobs(&self) -> Result<u64, JournalError> {
        let hashes = self.blob_hashes().await?;
        for hash in &hashes {
            self.blob(hash).await?;
        }
        Ok(hashes.len() as u64)
    }

    /// The hashes of all blobs, in ascending order.
    pub(crate) async fn blob_hashes(&self) -> Result<Vec<String>, JournalError> {
        let failed = self.failed("read");
        let rows = sqlx::query("SELECT hash FROM blob ORDER BY hash").fetch_all(&self.pool).await.map_err(&failed)?;
        rows.iter().map(|row| row.try_get(0).map_err(&failed)).collect()
    }
}
