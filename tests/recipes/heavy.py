"""The recipes whose packages are too many for the environment of all tests."""

HEAVY = ("airflow", "dagster", "dbt")
