"""The text that stands in every pack as README.txt: how to verify it with programs that others wrote."""

README = """\
A pack of evidence, made {made} (UTC) by hardencheck
=========================================================

It shows how the machines of one client stood against a security baseline, and what they answered when they were asked.
Begin with data/cover.html, in any browser.


To verify it without hardencheck
--------------------------------

In this folder, with GNU coreutils and OpenSSL 3. Every line must end with OK or say "Verified Successfully", and the
last three must be there:

    sha256sum --strict -c manifest-sha256.txt
    sha256sum --strict -c tagmanifest-sha256.txt
    openssl pkeyutl -verify -pubin -inkey signing-key.pub -rawin -in pack.pae -sigfile pack.sig
    for name in README.txt bag-info.txt manifest-sha256.txt; do
      sum="$(sha256sum <"$name" | cut -c 1-64)"
      grep -qaF '{{"digest":{{"sha256":"'"$sum"'"}},"name":"'"$name"'"}}' pack.pae && echo "$name: OK"
    done

The first two say that the files are those that the manifests list, the third that the key signed pack.pae, the last
that what was signed is about these files. Whoever made the pack chose the key in it, too. So have the key's id told to
you another way, and compare it with what this prints:

    openssl pkey -pubin -in signing-key.pub -outform DER | sha256sum

When this pack was made, the id was {keyid}


To verify it with hardencheck
-----------------------------

    hardencheck evidence verify PACK.zip --key KEY.pub --checkpoint CHECKPOINT
    hardencheck rejudge --pack PACK.zip

KEY.pub is your own copy of the public key. CHECKPOINT is one that you were sent earlier, after any sweep: it proves
that nothing before it was changed since, not even by those who have the key. The second command derives every result
anew from the captures in this pack, by the baseline in it. Either takes the folder that the pack unpacks to, as well.


What is in here
---------------

    data/cover.html                       what this is, what it covers, what was left out and why
    data/population.csv                   every host of the client in every sweep
    data/sheets/                          one sheet for each sampled host
    data/report.html, report.csv          the newest sweep
    data/waivers.yaml, attestations.yaml  accepted failures, and statements about what no machine can read
    data/log.txt, log.checkpoint          the leaf hash of every entry of the log, and its signed head
    data/sweeps/SWEEP/envelope.json       the signed statement that sealed the sweep, in a DSSE envelope
    data/sweeps/SWEEP/leaves.txt          the leaf hashes of all of its hosts
    data/sweeps/SWEEP/hosts/              what is known of each host of this client, by its place in leaves.txt
    data/sweeps/SWEEP/sweep.json          when and by what it was judged; what was withheld or edited
    data/sweeps/SWEEP/stamp.tsr           the time stamp (RFC 3161) of envelope.json, if there is one
    data/evidence/sha256/                 manifests, captures, results, baselines, rosters, named by their SHA-256


What it proves
--------------

Each sweep was signed when it ended, with the head of a Merkle tree (RFC 6962) over what is known of each host, and of
the log of all sweeps before it. leaves.txt and log.txt are the leaves of these trees. A host's file names its results
and its list of captures by SHA-256, and that list its captures. So what was sealed can be told from what was not, and
the order and number of sweeps cannot have changed since a checkpoint that you hold.

What it does not prove
----------------------

- That every host of the client is here. Other clients' hosts are hashes alone, and look like hosts that were left out:
  compare data/population.csv with a list of machines that came another way.
- When something was, unless there is a time stamp: times are those of the machine that asked.
- That a host told the truth: its administrator can forge its answers.
- What the pack's signature alone vouches for: reports, hosts that sweep.json calls edited, and a baseline or roster
  whose digest is not the sealed one, because parts about others were taken out. `hardencheck evidence verify` says
  which these are.
"""
