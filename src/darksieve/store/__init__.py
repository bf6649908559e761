"""The simulation store: shards of simulations as Zarr v3 groups, addressed by what they depend on."""
