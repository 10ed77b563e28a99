"""From a catalogue file or the demo generator to valid rows, each with a text and a split."""
