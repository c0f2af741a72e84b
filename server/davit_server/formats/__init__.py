"""Tables as bytes, CSV and Parquet, and how large a table may become in memory."""
