"""CSV, Excel and Parquet files as rows."""
