"""How good each recipe is: what `make results` measures and writes down."""
