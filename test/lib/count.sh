# How many tests passed and failed, from what the tools print.  Sourced.
#
# Each count_FORMAT LOG prints "passed failed".  A tool that stops half-way
# prints less; check notices that by its exit status.

# matches LOG PATTERN [EXCEPT] - the number of lines.  A test's name may hold bytes
# that are no text where we are; without -a all lines after it would be lost.
matches() {
	grep -aE -- "$2" "$1" | grep -aEvc -- "${3:-^$}" || true
}

# pg_regress and pg_isolation_regress: "test name ... ok" up to PostgreSQL 15,
# "ok 1 - name" from 16.
count_regress() {
	echo "$(matches "$1" '^(test|   ) +[^ ]+ +\.\.\. ok|^ok [0-9]+ +[-+] ')" \
		"$(matches "$1" '^(test|   ) +[^ ]+ +\.\.\. FAILED|^not ok [0-9]+ +[-+] ')"
}

# prove -v, and scripts that print the same.  What was skipped did not pass.
count_tap() {
	echo "$(matches "$1" '^ok [0-9]+' '# (SKIP|skip|TODO)')" \
		"$(matches "$1" '^not ok [0-9]+' '# TODO')"
}

count_ctest() {
	echo "$(matches "$1" '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed ')" \
		"$(matches "$1" '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*(\*\*\*|Not Run)' '\*\*\*Skipped')"
}
