"""Charts, the paper's tables and the report page."""
