//! Made-up annual statements for companies of the simulated market.
//!
//! In: companies with their sectors, fiscal years. Out: statements. Invariant: a statement depends on the company's
//! name, its sector and its year alone, so a longer run or another list of companies changes none of them; what banks
//! and insurers do not report is absent here too.

use crate::random::{Chance, Stream};
use jiff::ToSpan;
use jiff::civil::date;
use market::{Figure, Statement};
use std::collections::BTreeMap;

/// One seed for all runs: the companies do not change with the market.
const SEED: u64 = 20_260_302;
/// Year from which revenue grows.
const BASE_YEAR: i16 = 2000;
/// Share of companies that live on borrowed money.
const WEAK_SHARE: f64 = 0.15;
/// Days after the first of March by which everyone has published.
const PUBLICATION_DAYS: f64 = 30.0;

/// What is typical of a sector; shares are of revenue unless said otherwise.
#[derive(Clone, Copy)]
struct Typical {
    gross_margin: f64,
    operating_margin: f64,
    margin_deviation: f64,
    /// Revenue over assets.
    turnover: f64,
    /// Of assets.
    liabilities: f64,
    /// Of assets.
    debt: f64,
    capital_expenditure: f64,
    /// Whether interest is its business, so that cover and cash flow say nothing and are not reported.
    lends: bool,
}

const fn typical(levels: [f64; 7], lends: bool) -> Typical {
    let [gross_margin, operating_margin, margin_deviation, turnover, liabilities, debt, capital_expenditure] = levels;
    Typical {
        gross_margin,
        operating_margin,
        margin_deviation,
        turnover,
        liabilities,
        debt,
        capital_expenditure,
        lends,
    }
}

fn typical_of(sector: &str) -> Typical {
    match sector {
        "banks" | "insurance" | "financials" => typical([0.0, 0.30, 0.06, 0.05, 0.92, 0.10, 0.0], true),
        "technology" => typical([0.60, 0.25, 0.04, 0.60, 0.50, 0.18, 0.06], false),
        "health" => typical([0.65, 0.22, 0.03, 0.55, 0.55, 0.25, 0.05], false),
        "utilities" => typical([0.35, 0.16, 0.03, 0.30, 0.68, 0.42, 0.18], false),
        "telecoms" => typical([0.50, 0.15, 0.03, 0.45, 0.68, 0.40, 0.15], false),
        "autos" => typical([0.17, 0.06, 0.03, 0.65, 0.72, 0.35, 0.06], false),
        "energy" => typical([0.30, 0.12, 0.06, 0.80, 0.55, 0.20, 0.09], false),
        "retail" => typical([0.30, 0.06, 0.01, 1.80, 0.65, 0.25, 0.03], false),
        "media" => typical([0.55, 0.20, 0.05, 0.60, 0.50, 0.22, 0.06], false),
        "consumer" => typical([0.50, 0.17, 0.02, 0.80, 0.60, 0.28, 0.04], false),
        _ => typical([0.30, 0.11, 0.03, 0.75, 0.65, 0.25, 0.04], false),
    }
}

/// Statements of every company for the fiscal years `from` to `to`, both included. `companies` are names and sectors.
pub fn statements(companies: &[(&str, &str)], from: i16, to: i16) -> Vec<Statement> {
    let chance = Chance::new(SEED);
    let of_company = |&(name, sector): &(&str, &str)| {
        let company = Company::new(name, sector, &chance);
        (from..=to).map(move |year| company.statement(year)).collect::<Vec<_>>()
    };
    companies.iter().flat_map(of_company).collect()
}

/// What does not change from year to year.
struct Company<'a> {
    name: String,
    chance: &'a Chance,
    typical: Typical,
    revenue: f64,
    margin: f64,
    debt: f64,
    interest: f64,
    /// What all shares cost for each unit of a year's revenue.
    price_to_revenue: f64,
}

impl Company<'_> {
    fn new<'a>(name: &str, sector: &str, chance: &'a Chance) -> Company<'a> {
        let typical = typical_of(sector);
        let mut draws = chance.at(Stream::new("company", name), 0);
        let weak = draws.uniform() < WEAK_SHARE;
        let revenue = 4e10 * libm::exp(0.9 * draws.normal());
        let spread = 0.35 * typical.operating_margin;
        let margin = if weak { 0.004 } else { typical.operating_margin + spread * draws.normal() };
        let debt = typical.debt * libm::exp(0.25 * draws.normal()) * if weak { 1.8 } else { 1.0 };
        let price_to_revenue = margin.max(0.02) * (14.0 + 4.0 * draws.normal().abs());
        let name = name.to_owned();
        Company { name, chance, typical, revenue, margin, debt, interest: 0.045, price_to_revenue }
    }

    fn statement(&self, year: i16) -> Statement {
        let mut draws = self.chance.at(Stream::new("statement", &self.name), u64::from(year.unsigned_abs()));
        let Typical { gross_margin, margin_deviation, turnover, liabilities, capital_expenditure, lends, .. } =
            self.typical;
        let revenue = self.revenue * libm::exp(0.04 * f64::from(year - BASE_YEAR) + 0.05 * draws.normal());
        let margin = self.margin + margin_deviation * draws.normal();
        let assets = revenue / turnover;
        let owed = assets * (liabilities + 0.03 * draws.normal()).clamp(0.1, 0.96);
        let (debt, earned) = (self.debt * assets, revenue * margin);
        let interest = self.interest * debt;
        let (depreciation, invested) = (0.035 * assets, capital_expenditure * revenue * (1.0 + 0.2 * draws.normal()));
        let net = if lends { 0.75 * earned } else { 0.78 * (earned - interest) };
        let mut figures = BTreeMap::from([
            (Figure::Revenue, revenue),
            (Figure::OperatingIncome, earned),
            (Figure::NetIncome, net),
            (Figure::Assets, assets),
            (Figure::Liabilities, owed),
            (Figure::Equity, assets - owed),
            (Figure::MarketCap, revenue * self.price_to_revenue),
        ]);
        if !lends {
            figures.extend([
                (Figure::GrossProfit, revenue * (gross_margin + 0.02 * draws.normal())),
                (Figure::Ebit, earned),
                (Figure::Ebitda, earned + depreciation),
                (Figure::InterestExpense, interest),
                (Figure::Debt, debt),
                (Figure::OperatingCashFlow, net + depreciation),
                (Figure::CapitalExpenditure, invested.max(0.0)),
            ]);
        }
        let published = date(year + 1, 2, 1).saturating_add(((draws.uniform() * PUBLICATION_DAYS) as i64).days());
        Statement { name: self.name.clone(), period_end: date(year, 12, 31), published, figures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANIES: [(&str, &str); 3] = [("AAA", "technology"), ("BBB", "banks"), ("CCC", "utilities")];

    #[test]
    fn a_company_s_year_is_the_same_in_every_table() {
        let all = statements(&COMPANIES, 2015, 2027);
        let one = statements(&COMPANIES[2..], 2020, 2021);
        assert!(one.iter().all(|row| all.contains(row)) && one.len() == 2);
    }

    #[test]
    fn banks_report_no_interest_cover_and_everyone_balances() {
        for row in statements(&COMPANIES, 2015, 2027) {
            let figure = |figure| row.get(figure);
            assert_eq!(figure(Figure::Ebit).is_none(), row.name == "BBB");
            let sum = figure(Figure::Liabilities).unwrap() + figure(Figure::Equity).unwrap();
            assert!((sum / figure(Figure::Assets).unwrap() - 1.0).abs() < 1e-12);
            assert!(figure(Figure::MarketCap).unwrap() > 0.0 && row.published > row.period_end);
        }
    }

    #[test]
    fn about_one_company_in_seven_cannot_pay_its_interest() {
        let names: Vec<String> = (0..200).map(|number| format!("N{number}")).collect();
        let companies: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "autos")).collect();
        let weak = |row: &&Statement| row.get(Figure::Ebit) < row.get(Figure::InterestExpense);
        let count = statements(&companies, 2024, 2024).iter().filter(weak).count();
        assert!((20..70).contains(&count), "{count} of 200");
    }
}
