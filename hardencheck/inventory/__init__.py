"""An Ansible inventory becomes Hosts."""
