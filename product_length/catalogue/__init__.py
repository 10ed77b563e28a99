"""From a catalogue file or the demo generator to validated rows with one text and one split each."""
