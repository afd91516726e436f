"""Data cards, what an auditor reads: from manifests and layers to a Hugging Face README and an HTML page."""

from aigc_data.cards.build import build_card
from aigc_data.cards.model import CardModel
from aigc_data.cards.write import write_card

__all__ = ["CardModel", "build_card", "write_card"]
