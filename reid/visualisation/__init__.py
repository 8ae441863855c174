"""What a trained network retrieves and attends to on test tracklets, as pictures for the report page."""
