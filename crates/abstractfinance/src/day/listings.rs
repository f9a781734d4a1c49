//! Chains of options, looked at on the days on which a hedge wants to buy.
//!
//! In: what the hedges look for, the broker's chains. Out: quotes of the options that might be bought, and the run with
//! the chosen ones in its universe. Invariant: what nobody looks for is not asked about; a chain that cannot be read
//! buys nothing and stops nothing.

use super::{Run, World};
use crate::book::Book;
use crate::failure::Failure;
use domain::{ContractId, OptionKey, OptionRight, PerContract, Price};
use jiff::civil::Date;
use ports::{Broker, BrokerError, OptionChain, OptionQuote};
use risk::Purpose;
use std::sync::Arc;
use strategy::tail_hedge::{HedgeRoot, HedgeState, HedgeType, Listings, OptionListing, SelectionPolicy};

/// Expiries of a chain that are quoted: those nearest to the middle of the window.
const EXPIRIES: usize = 2;
/// Strikes of an expiry that are quoted, evenly over the range that can hold the delta band.
const STRIKES: usize = 16;
/// Days for which a close of what options are written on is looked for.
const SESSIONS: u32 = 5;
/// Annual volatility of an index of volatility, and of anything else while the index is unknown.
const OF_VOLATILITY: f64 = 1.0;
const USUAL: f64 = 0.2;
/// Standard deviations to expiry between which strikes are quoted, at the volatility guessed: wide enough for one that is
/// half or double the guess.
const DEVIATIONS: (f64, f64) = (0.15, 3.0);

/// Quotes what the hedges look for, and lists what they would choose.
pub(super) async fn look<B: Broker, J, C>(
    date: Date,
    book: Option<&Book>,
    run: &mut Run,
    world: &mut World<B, J, C>,
) -> Result<Vec<Listings>, Failure> {
    let (no_hedges, mut listings) = (HedgeState::default(), Vec::new());
    let state = book.map_or(&no_hedges, |book| &book.memory.hedges);
    let adds = book.is_none_or(|book| book.standing.mode.permits(Purpose::Increase) && !book.standing.flatten);
    let Some((_, policy)) = run.setup.tail_hedge().filter(|_| adds) else { return Ok(listings) };
    let wanting: Vec<&HedgeRoot> = policy.roots.iter().filter(|root| state.looks_for(root.hedge, date)).collect();
    if wanting.is_empty() {
        return Ok(listings);
    }
    let vix = match run.setup.references.vix.and_then(|vix| run.setup.universe.spot_contract(vix)) {
        Some(vix) => last_close(vix, date, world).await?,
        None => None,
    };
    let mut universe = run.setup.universe.clone();
    let mut chosen = Vec::new();
    for root in wanting {
        let Some(selection) = policy.selection.get(&root.hedge) else { continue };
        let guess =
            if root.hedge == HedgeType::VixCalls { OF_VOLATILITY } else { vix.map_or(USUAL, |vix| vix / 100.0) };
        match quoted(root, selection, guess, date, world).await {
            Ok(options) => {
                let best = selection.select(&options, date).chosen.map(|index| options[index].key);
                chosen.extend(best.map(|key| universe.list_option(root.root, key)));
                listings.push(Listings { root: root.root, options });
            }
            Err(BrokerError::Lost(reason)) => return Err(BrokerError::Lost(reason).into()),
            Err(error) => tracing::warn!(%error, "a chain of options is not looked at today"),
        }
    }
    run.extend(universe, world);
    world.broker.resolve(&chosen).await?;
    Ok(listings)
}

/// Gives what is not held the mark its quote says, so that it can be sized and valued when it is bought.
pub(super) fn mark(listings: &[Listings], marks: &mut PerContract<Option<Price>>, run: &Run) {
    for (root, option) in listings.iter().flat_map(|listed| listed.options.iter().map(|option| (listed.root, option))) {
        let mid = option
            .bid
            .zip(option.ask)
            .and_then(|(bid, ask)| Price::from_mantissa(bid.mantissa() + (ask.mantissa() - bid.mantissa()) / 2).ok());
        if let Some(contract) = run.setup.universe.find_option(root, &option.key) {
            marks[contract] = marks[contract].or(mid);
        }
    }
}

async fn quoted<B: Broker, J, C>(
    root: &HedgeRoot,
    selection: &SelectionPolicy,
    volatility: f64,
    date: Date,
    world: &mut World<B, J, C>,
) -> Result<Vec<OptionListing>, BrokerError> {
    let chain = world.broker.option_chain(root.root).await?;
    let Some(price) = last_close(root.underlying, date, world).await? else { return Ok(Vec::new()) };
    let wanted = wanted(&chain, selection, price, volatility, date);
    let quotes = world.broker.option_quotes(root.root, &wanted).await?;
    Ok(quotes.iter().map(listing).collect())
}

async fn last_close<B: Broker, J, C>(
    contract: ContractId,
    date: Date,
    world: &mut World<B, J, C>,
) -> Result<Option<f64>, BrokerError> {
    let bars = world.broker.daily_bars(contract, SESSIONS, date).await?;
    Ok(bars.last().map(|bar| bar.close.to_f64()))
}

fn listing(quote: &OptionQuote) -> OptionListing {
    OptionListing {
        key: quote.key,
        bid: quote.quote.bid,
        ask: quote.quote.ask,
        implied_volatility: quote.model.map(|model| model.implied_volatility),
        delta: quote.model.map(|model| model.delta),
        open_interest: quote.open_interest,
    }
}

/// The options of a chain worth a quote: those whose delta can be in the band.
fn wanted(chain: &OptionChain, selection: &SelectionPolicy, price: f64, volatility: f64, date: Date) -> Vec<OptionKey> {
    let days = |expiry: &Date| (*expiry - date).get_days();
    let middle = (selection.days_min + selection.days_max) / 2;
    let mut expiries: Vec<Date> = chain.classes.iter().flat_map(|class| class.expiries.iter().copied()).collect();
    expiries.retain(|expiry| (selection.days_min..=selection.days_max).contains(&days(expiry)));
    expiries.sort_by_key(|expiry| ((days(expiry) - middle).abs(), *expiry));
    expiries.dedup();
    expiries.truncate(EXPIRIES);
    let mut strikes: Vec<Price> = chain.classes.iter().flat_map(|class| class.strikes.iter().copied()).collect();
    strikes.sort_unstable();
    strikes.dedup();
    let of_expiry = |expiry: Date| {
        let deviation = volatility * (f64::from(days(&expiry)) / 365.0).sqrt() * selection.right.sign();
        let (near, far) = (price * (DEVIATIONS.0 * deviation).exp(), price * (DEVIATIONS.1 * deviation).exp());
        let inside = |strike: &&Price| (near.min(far)..=near.max(far)).contains(&strike.to_f64());
        let inside: Vec<Price> = strikes.iter().filter(inside).copied().collect();
        thinned(&inside).map(|strike| key(expiry, strike, selection.right)).collect::<Vec<_>>()
    };
    expiries.into_iter().flat_map(of_expiry).collect()
}

fn key(expiry: Date, strike: Price, right: OptionRight) -> OptionKey {
    OptionKey { expiry, strike, right }
}

/// At most [`STRIKES`] of them, evenly.
fn thinned(strikes: &[Price]) -> impl Iterator<Item = Price> + '_ {
    let count = strikes.len().min(STRIKES);
    (0..count).map(move |n| strikes[n * (strikes.len() - 1) / (count - 1).max(1)])
}

impl Run {
    /// The run over a universe that grew at its end.
    pub(super) fn extend<B: Broker, J, C>(&mut self, universe: domain::Universe, world: &mut World<B, J, C>) {
        if universe.contract_count() == self.setup.universe.contract_count() {
            return;
        }
        world.broker.extend(Arc::new(universe.clone()));
        self.setup = self.setup.over(universe);
    }
}
