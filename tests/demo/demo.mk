# make demo: what a user looks at first.

## make demo      installs what is missing, builds, and shows the main job on a simulated vCenter
.PHONY: demo
demo:
	@MAKE='$(MAKE)' tests/demo/demo.sh $(abspath $(BUILD))
