"""Taking work home: preferences, models, and the whole project."""
