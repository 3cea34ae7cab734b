#!/usr/bin/env python3
"""Baselines of metered households by pandas: what tests/reference.rs compares the pallet's with.

Needs opendsm (1.2.7) and pandas; writes meters.csv and baselines.csv beside itself. Shares no code with the pallet.
"""
from importlib.metadata import distribution
from pathlib import Path

import pandas as pd

# Sample and first day, a Friday, as the simulation's data begin with one.
METERS = {0: "2020-11-06", 1: "2012-11-02", 2: "2012-11-02"}
DAYS = 84
BOUND = 0.2
HERE = Path(__file__).parent


def meter(sample: int, first: str) -> pd.Series:
    """Energy by hour in Wh."""
    name = f"uk-electricity-hdd-only-hourly-sample-{sample}.csv.gz"
    path = distribution("opendsm").locate_file(f"opendsm/eemeter/samples/{name}")
    table = pd.read_csv(path)
    table["start"] = pd.to_datetime(table["start"], utc=True)
    energy = table.drop_duplicates("start").set_index("start")["value"].resample("h").sum()
    begin = pd.Timestamp(first, tz="UTC")
    hours = pd.date_range(begin, periods=24 * DAYS, freq="h")
    return (energy.reindex(hours) * 1000).round().astype("int64")


def baselines(energy: pd.Series) -> pd.DataFrame:
    """Of 17 to 19 h, adjusted by 14 to 16 h, for every day with ten days like it before."""
    by_day = energy.groupby([energy.index.normalize(), energy.index.hour]).sum().unstack()
    event, window = by_day[[17, 18]].sum(axis=1), by_day[[14, 15]].sum(axis=1)
    rows = []
    for day in by_day.index:
        alike = (by_day.index < day) & ((by_day.index.dayofweek >= 5) == (day.dayofweek >= 5))
        ten = event[alike].tail(10)
        if len(ten) < 10:
            continue
        # Of days that took the same, the later ones.
        five = ten.iloc[::-1].sort_values(ascending=False, kind="stable").head(5)
        row = {"day": (day - by_day.index[0]).days, "taken": event[day]}
        for name, days in (("ten", ten), ("five", five)):
            factor = window[day] / window[days.index].mean()
            row[name] = days.mean()
            row[name + "_adjusted"] = days.mean() * min(max(factor, 1 - BOUND), 1 + BOUND)
        rows.append(row)
    return pd.DataFrame(rows)


meters, found = [], []
for sample, first in METERS.items():
    energy = meter(sample, first)
    meters.append(pd.DataFrame({"meter": sample, "wh": energy.to_numpy()}))
    table = baselines(energy)
    table.insert(0, "meter", sample)
    found.append(table)
pd.concat(meters).to_csv(HERE / "meters.csv", index=False)
pd.concat(found).to_csv(HERE / "baselines.csv", index=False, float_format="%.6f")
