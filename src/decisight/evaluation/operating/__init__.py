"""Operating points: thresholds that promise something, thresholds by a figure, and the costs of a rule of decision."""
