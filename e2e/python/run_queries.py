"""Runs queries in a DuckDB database: run_queries.py DATABASE <QUERIES >RESULTS

QUERIES is a JSON object of queries by name. RESULTS has the rows of each, as objects.
"""

import json
import sys

import duckdb

connection = duckdb.connect(sys.argv[1], read_only=True)
results = {}
for name, query in json.load(sys.stdin).items():
    cursor = connection.execute(query)
    columns = [column[0] for column in cursor.description]
    results[name] = [dict(zip(columns, row)) for row in cursor.fetchall()]
json.dump(results, sys.stdout, default=str)
