"""Miners and neoclouds at work: run, let, order, build, invest."""
