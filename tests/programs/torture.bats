#!/usr/bin/env bats
# Some calls of each program fail, one a run; then the same command runs once more. The soak tests make
# every call fail in turn (tests/torture/torture.py says what is checked).

load helper

# What every program is tried with, where it makes such calls.
EACH=read,write,sync,rename,connect

# torture KINDS N TRIAL...: N cases of each kind of call
torture() {
	run -0 limit 50 python3 "$TESTS/torture/torture.py" --jobs 3 --kinds "$1" --most "$2" "${@:3}"
	[[ ${lines[-1]} == *", 0 faults" ]]
}

@test "av-upload makes each avatar once, whatever call fails" {
	torture $EACH,open,send,recv,wait,control,size,map,stat 1 av-upload
}

@test "av-poll and av-render deliver all, whatever call fails" {
	torture $EACH,recv,wait,close 1 av-poll av-render av-render-pose
}

@test "av-validate, av-fit, av-token, av-ledger and av-provider lose nothing, whatever call fails" {
	torture $EACH,open,process 1 av-validate av-fit av-fit:child av-token av-ledger av-provider
}

@test "power loss leaves a file complete or absent under its final name" {
	STATES=5 limit 50 python3 "$TESTS/torture/power.py"
}

@test "an allocation fails: the program ends, drops nothing and sends no other request" {
	torture memory 2 av-upload av-render-video
	torture memory 1 av-validate av-fit av-poll av-render-pose av-token av-provider
	torture memory 6 av-ledger av-ledger-export
}

@test "an allocation of a worker fails: the worker ends, and the record says so" {
	torture memory 3 av-validate:child av-fit:child
}
