"""The data card: one model, rendered for the Hugging Face hub and as a page."""
