"""WHERE the lake lives and WHICH releases exist: environments and the release registry, as YAML."""
