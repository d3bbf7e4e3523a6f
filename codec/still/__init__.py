"""Still pictures: channels <-> the units of a `.wisp` file."""
