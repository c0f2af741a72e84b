"""Programs built from Go modules with committed checksums, cached in the user's cache folder."""
