#!/usr/bin/env bats
# Some calls of each program fail, one a run; then the same command runs once more. The soak tests make
# every call fail in turn (tests/torture/torture.py says what is checked).

load helper

# torture KINDS N TRIAL...: N cases of each kind of call
torture() {
	run -0 limit 50 python3 "$TESTS/torture/torture.py" --jobs 3 --kinds "$1" --most "$2" "${@:3}"
	[[ ${lines[-1]} == *", 0 faults" ]]
}

@test "av-upload makes each avatar once, whatever call fails" {
	torture open,read,write,send,recv,connect,wait,control,sync,size,map,stat 1 av-upload
}

@test "av-poll and av-render deliver all, whatever call fails" {
	torture write,recv,wait,rename,sync,close 1 av-poll av-render av-render-pose
}

@test "av-validate, av-fit, av-token and av-ledger lose nothing, whatever call fails" {
	torture open,write,sync,process 1 av-validate av-fit av-fit:child av-token av-ledger
}

@test "power loss leaves a file complete or absent under its final name" {
	STATES=5 limit 50 python3 "$TESTS/torture/power.py"
}

@test "an allocation fails: the program ends, drops nothing and sends no other request" {
	torture memory 2 av-upload av-render-video
	torture memory 1 av-poll av-token av-validate
	torture memory 12 av-ledger-export
}

@test "an allocation of a worker fails: the worker ends, and the record says so" {
	torture memory 4 av-validate:child
}
