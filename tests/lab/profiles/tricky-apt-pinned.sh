# shellcheck shell=sh
# APT::Default-Release names the release by its plain codename: the security archive falls behind and no fix is offered.
# parent: good
# mode: lite
# verdict: linux-security-packages-not-held=fail linux-security-updates-installed=fail
# verdict: linux-package-metadata-fresh=pass linux-security-repository-trusted=pass
# because: apt_preferences(5): versions of the target release get 990, those of the security archive stay at 500
# because: nothing is held, and `apt list --upgradable` is empty: tools that count upgradable packages report zero
# proof: test "$(apt list --upgradable 2>/dev/null | grep -c hc-demo)" = 0 && apt-cache policy hc-demo | grep -q 'Candidate: 1.0-1$'
old_release
put /etc/apt/apt.conf.d/99release <<'END'
APT::Default-Release "bookworm";
END
