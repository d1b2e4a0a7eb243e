"""Plugins that ansible-playbook loads from this folder; hardencheck itself imports none of them."""
