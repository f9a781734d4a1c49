"""Writes the exchange calendar tables that the engine embeds.

In: the package exchange_calendars, at the version requirements.txt pins. Out: one `<MIC>.csv` per venue in the
folder given as the only argument. Invariant: no file is written unless reading its rows back gives every session
of the package, open and close to the minute in UTC, and no other.
"""

import csv
import io
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import exchange_calendars

FIRST, LAST = date(2004, 1, 1), date(2027, 12, 31)
SATURDAY = 5
PACKAGE = f"exchange_calendars {version('exchange_calendars')}"
GRAMMAR = """\
# Rows, in the venue's local time; a weekday without a row of its own has the regular hours, a weekend day none:
#   zone,IANA name | coverage,first day,last day | auction,minutes of closing auction after the close
#   regular,valid from,open,close | special,day,open,close,name | holiday,day,name
# An open that is not before its close belongs to the previous calendar day."""

Hours = tuple[time, time]


@dataclass(frozen=True)
class Venue:
    """What the package does not know about one venue."""

    mic: str
    title: str
    # The package's calendar, where it goes by another name; `why` it may stand in.
    calendar: str | None = None
    why: str = ""
    auction_minutes: int = 0

    @property
    def source(self) -> str:
        return self.calendar or self.mic


VENUES = [
    Venue("XNYS", "New York Stock Exchange and NYSE Arca"),
    Venue("XNAS", "Nasdaq", "XNYS", "Nasdaq keeps the days and hours of the New York Stock Exchange"),
    Venue("XLON", "London Stock Exchange", auction_minutes=5),
    Venue("XETR", "Xetra, Frankfurt", auction_minutes=5),
    Venue("XPAR", "Euronext Paris", auction_minutes=5),
    Venue("XMIL", "Borsa Italiana, Milan", auction_minutes=5),
    Venue("XAMS", "Euronext Amsterdam", auction_minutes=5),
    Venue("XMAD", "Bolsa de Madrid", auction_minutes=5),
    Venue("XSWX", "SIX Swiss Exchange"),
    Venue("XEUR", "Eurex, whole trading day, no product detail"),
    Venue("CMES", "CME Globex, whole trading day, no product detail; Good Friday counts as closed"),
    Venue("XCBF", "Cboe Futures Exchange, regular trading hours"),
    Venue("XCBO", "Cboe Options Exchange", "XNYS", "options trade on the stock exchange's days, at least in its hours"),
    Venue("IFEU", "ICE Futures Europe, UK equity derivatives", "XLON", "the futures trade at least in the stock exchange's hours"),
    Venue("XMON", "Euronext Paris equity options (MONEP)", "XPAR", "the options trade in the hours of their shares"),
]

FX_HEADER = f"""\
# FX: interbank currency week, Sunday 17:00 to Friday 17:00 New York, one session per weekday
# Source: written by rule in xtask/calendars.py, no package; the day turns at 17:00 New York, the market's value-date
# convention, and 25 December and 1 January are closed as on EBS Market.
# Do not edit: `cargo run -p xtask -- calendars` writes this file; corrections go to overrides.csv.
{GRAMMAR}
"""


def lines(rows) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def weekdays():
    day = FIRST
    while day <= LAST:
        if day.weekday() < SATURDAY:
            yield day
        day += timedelta(days=1)


def package_sessions(calendar) -> dict[date, tuple[datetime, datetime]]:
    """Open and close in UTC by session day."""
    return {
        day.date(): (opens.to_pydatetime(), closes.to_pydatetime())
        for day, opens, closes in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    }


def day_names(calendar) -> dict[date, str]:
    """The package's names of closed and short days; a day it lists without a rule has none."""
    lists = [calendar.regular_holidays, *(days for _, days in calendar.special_closes + calendar.special_opens)]
    names = {}
    for holidays in lists:
        if holidays is not None:
            named = holidays.holidays(FIRST.isoformat(), LAST.isoformat(), return_name=True)
            names |= {day.date(): name for day, name in named.items()}
    return names


def regular_hours(calendar) -> list[tuple[date, Hours]]:
    """The hours in force from each day on which the package changes them."""

    def in_force(times, day):
        return [value for start, value in times if start is None or start.date() <= day][-1]

    changes = {start.date() for start, _ in calendar.open_times + calendar.close_times if start is not None}
    days = sorted({FIRST} | {day for day in changes if FIRST < day <= LAST})
    return [(day, (in_force(calendar.open_times, day), in_force(calendar.close_times, day))) for day in days]


def table(venue: Venue, calendar, sessions) -> str:
    zone = ZoneInfo(str(calendar.tz))
    regular = regular_hours(calendar)
    names = day_names(calendar)
    rows = [("zone", zone.key), ("coverage", FIRST, LAST)]
    if venue.auction_minutes:
        rows.append(("auction", venue.auction_minutes))
    rows += [("regular", day, f"{opens:%H:%M}", f"{closes:%H:%M}") for day, (opens, closes) in regular]
    for day in sorted(set(weekdays()) | sessions.keys()):
        name = names.get(day, "announced for this day")
        if day not in sessions:
            rows.append(("holiday", day, name))
            continue
        opens, closes = (at.astimezone(zone).time() for at in sessions[day])
        usual = [hours for start, hours in regular if start <= day][-1]
        if day.weekday() >= SATURDAY or (opens, closes) != usual:
            rows.append(("special", day, f"{opens:%H:%M}", f"{closes:%H:%M}", name))
    stands_in = f"calendar {venue.source}" + (f": {venue.why}" if venue.why else "")
    auction = (
        "# Closing auction: the exchange's trading hours pages give a call of five minutes after continuous trading.\n"
        if venue.auction_minutes
        else ""
    )
    return (
        f"# {venue.mic}: {venue.title}\n"
        f"# Source: {PACKAGE} (PyPI, Apache-2.0), {stands_in}\n{auction}"
        "# Do not edit: `cargo run -p xtask -- calendars` writes this file; corrections go to overrides.csv.\n"
        f"{GRAMMAR}\n" + lines(rows)
    )


def expand(text: str) -> dict[date, tuple[datetime, datetime]]:
    """Reads a table back, by the grammar in its own header, to sessions in UTC."""
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    zone = ZoneInfo(next(row[1] for row in rows if row[0] == "zone"))
    regular = [(date.fromisoformat(row[1]), row[2:4]) for row in rows if row[0] == "regular"]
    closed = {date.fromisoformat(row[1]) for row in rows if row[0] == "holiday"}
    hours = {day: [h for start, h in regular if start <= day][-1] for day in weekdays() if day not in closed}
    hours |= {date.fromisoformat(row[1]): row[2:4] for row in rows if row[0] == "special"}

    def utc(day, at):
        return datetime.combine(day, at, zone).astimezone(UTC)

    sessions = {}
    for day, texts in sorted(hours.items()):
        opens, closes = (time.fromisoformat(text) for text in texts)
        opening_day = day if opens < closes else day - timedelta(days=1)
        sessions[day] = (utc(opening_day, opens), utc(day, closes))
    return sessions


def fx_table() -> str:
    rows = [("zone", "America/New_York"), ("coverage", FIRST, LAST), ("regular", FIRST, "17:00", "17:00")]
    closed = {(1, 1): "New Year's Day", (12, 25): "Christmas"}
    rows += [("holiday", day, closed[day.month, day.day]) for day in weekdays() if (day.month, day.day) in closed]
    return FX_HEADER + lines(rows)


def main(folder: Path) -> None:
    tables = {"FX": fx_table()}
    for venue in VENUES:
        calendar = exchange_calendars.get_calendar(venue.source, start=FIRST.isoformat(), end=LAST.isoformat())
        sessions = package_sessions(calendar)
        text = table(venue, calendar, sessions)
        if calendar.has_break or expand(text) != sessions:
            sys.exit(f"{venue.mic}: the compact rows do not give back the package's sessions; nothing written")
        tables[venue.mic] = text
    for mic, text in tables.items():
        (folder / f"{mic}.csv").write_text(text, encoding="utf-8", newline="\n")
        kinds = Counter(line.split(",")[0] for line in text.splitlines() if not line.startswith("#"))
        print(f"{mic}: {len(expand(text))} sessions, {kinds['holiday']} holidays, {kinds['special']} special")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
