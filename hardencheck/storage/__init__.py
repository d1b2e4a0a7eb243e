"""Sweeps, results and findings over time, and the evidence behind them."""
