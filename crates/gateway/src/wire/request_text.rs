//! Requests in the text codec, field by field, server versions 157 to 176.
//!
//! In: the fields after the id. Out: the same bodies protobuf gives. Invariant: every body is read from left to right as
//! IB's own clients write it; fields that change nothing here are passed over, never guessed at.

use super::line::{BadField, Fields};
use super::*;

/// A request body that the text codec has.
pub trait FromText: Sized {
    /// Reads the fields after the id of the message.
    ///
    /// # Errors
    /// [`BadField`].
    fn from_text(id: i32, fields: &mut Fields<'_>) -> Result<Self, BadField>;
}

/// The contract of a combination names its legs right behind it.
const COMBINATION: &str = "BAG";

macro_rules! from_text {
    ($($body:ident($fields:ident) $read:block)+) => {
        $(impl FromText for $body {
            fn from_text(_: i32, $fields: &mut Fields<'_>) -> Result<$body, BadField> {
                $read
            }
        })+
    };
}

from_text! {
    Empty(_fields) { Ok(Empty {}) }
    StartApiRequest(fields) {
        fields.skip(1)?;
        Ok(StartApiRequest { client_id: fields.integer()?, optional_capabilities: fields.text().unwrap_or_default() })
    }
    MarketDataRequest(fields) {
        fields.skip(1)?;
        let (req_id, mut contract) = (fields.integer()?, fields.contract()?);
        if contract.sec_type.as_deref() == Some(COMBINATION) {
            contract.combo_legs = fields.legs(4)?;
        }
        skip_delta_neutral(fields)?;
        Ok(MarketDataRequest {
            req_id,
            contract: Some(contract),
            generic_tick_list: fields.text()?,
            snapshot: fields.flag()?,
            regulatory_snapshot: fields.flag()?,
        })
    }
    MarketDataTypeRequest(fields) {
        fields.skip(1)?;
        Ok(MarketDataTypeRequest { market_data_type: fields.integer()? })
    }
    CancelOrderRequest(fields) {
        fields.skip(1)?;
        Ok(CancelOrderRequest { order_id: fields.integer()? })
    }
    AccountDataRequest(fields) {
        fields.skip(1)?;
        Ok(AccountDataRequest { subscribe: fields.flag()?, acct_code: fields.text()? })
    }
    AccountSummaryRequest(fields) {
        fields.skip(1)?;
        Ok(AccountSummaryRequest { req_id: fields.integer()?, group: fields.text()?, tags: fields.text()? })
    }
    AccountUpdatesMultiRequest(fields) {
        fields.skip(1)?;
        Ok(AccountUpdatesMultiRequest {
            req_id: fields.integer()?,
            account: fields.text()?,
            model_code: fields.text()?,
            ledger_and_nlv: fields.flag()?,
        })
    }
    ContractDataRequest(fields) {
        fields.skip(1)?;
        let (req_id, contract) = (fields.integer()?, fields.contract()?);
        let (include_expired, sec_id_type, sec_id) = (fields.flag()?, fields.text()?, fields.text()?);
        Ok(ContractDataRequest { req_id, contract: Some(Contract { include_expired, sec_id_type, sec_id, ..contract }) })
    }
    MarketRuleRequest(fields) { Ok(MarketRuleRequest { market_rule_id: fields.integer()? }) }
    HistoricalDataRequest(fields) {
        let (req_id, contract, include_expired) = (fields.integer()?, fields.contract()?, fields.flag()?);
        let (end_date_time, bar_size_setting) = (fields.text()?, fields.text()?);
        let (duration, use_rth, what_to_show) = (fields.text()?, fields.flag()?, fields.text()?);
        let format_date = fields.integer()?;
        if contract.sec_type.as_deref() == Some(COMBINATION) {
            fields.skip_list(4)?;
        }
        let keep_up_to_date = fields.flag()?;
        let contract = Some(Contract { include_expired, ..contract });
        Ok(HistoricalDataRequest {
            req_id, contract, end_date_time, bar_size_setting, duration, use_rth, what_to_show, format_date, keep_up_to_date,
        })
    }
    HeadTimestampRequest(fields) {
        let (req_id, contract, include_expired) = (fields.integer()?, fields.contract()?, fields.flag()?);
        Ok(HeadTimestampRequest {
            req_id,
            contract: Some(Contract { include_expired, ..contract }),
            use_rth: fields.flag()?,
            what_to_show: fields.text()?,
            format_date: fields.integer()?,
        })
    }
    RealTimeBarsRequest(fields) {
        fields.skip(1)?;
        Ok(RealTimeBarsRequest {
            req_id: fields.integer()?,
            contract: Some(fields.contract()?),
            bar_size: fields.integer()?,
            what_to_show: fields.text()?,
            use_rth: fields.flag()?,
        })
    }
    SecDefOptParamsRequest(fields) {
        Ok(SecDefOptParamsRequest {
            req_id: fields.integer()?,
            underlying_symbol: fields.text()?,
            fut_fop_exchange: fields.text()?,
            underlying_sec_type: fields.text()?,
            underlying_con_id: fields.integer()?,
        })
    }
    MatchingSymbolsRequest(fields) {
        Ok(MatchingSymbolsRequest { req_id: fields.integer()?, pattern: fields.text()? })
    }
    PnLRequest(fields) {
        Ok(PnLRequest { req_id: fields.integer()?, account: fields.text()?, model_code: fields.text()? })
    }
    PnLSingleRequest(fields) {
        Ok(PnLSingleRequest {
            req_id: fields.integer()?,
            account: fields.text()?,
            model_code: fields.text()?,
            con_id: fields.integer()?,
        })
    }
    ExecutionRequest(fields) {
        fields.skip(1)?;
        let req_id = fields.integer()?;
        let filter = ExecutionFilter {
            client_id: fields.integer()?,
            acct_code: fields.text()?,
            time: fields.text()?,
            symbol: fields.text()?,
            sec_type: fields.text()?,
            exchange: fields.text()?,
            side: fields.text()?,
            ..ExecutionFilter::default()
        };
        Ok(ExecutionRequest { req_id, filter: Some(filter) })
    }
    CompletedOrdersRequest(fields) { Ok(CompletedOrdersRequest { api_only: fields.flag()? }) }
    PlaceOrderRequest(fields) { super::order_text::read_order(fields) }
}

/// A request id alone stands behind a version number in the older half of the messages.
impl FromText for RequestKey {
    fn from_text(id: i32, fields: &mut Fields<'_>) -> Result<RequestKey, BadField> {
        const WITHOUT_VERSION: std::ops::RangeInclusive<i32> = 78..=109;
        const SCANNER: i32 = 22;
        if !WITHOUT_VERSION.contains(&id) && id != SCANNER {
            fields.skip(1)?;
        }
        Ok(RequestKey { req_id: fields.integer()? })
    }
}

/// A flag, and three fields when it is set.
pub(super) fn skip_delta_neutral(fields: &mut Fields<'_>) -> Result<(), BadField> {
    if fields.flag()? == Some(true) { fields.skip(3) } else { Ok(()) }
}
