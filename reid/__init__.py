"""Video person re-identification with body part alignment and temporal attention (TR2019-108)."""
