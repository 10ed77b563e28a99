"""From a run's checkpoint and a catalogue of any size to a file of lengths."""
