"""Where rows come from: files, folders and hub datasets. Knows no column's meaning."""
