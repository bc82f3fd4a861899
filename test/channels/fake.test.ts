import { findChecks } from "./checks/act.ts";
import { testChannel } from "./conformance.ts";
import { startFakeHarness } from "./fake-harness.ts";

testChannel("fake, pushed", await startFakeHarness({ flavour: "push", lookup: "running" }));
testChannel("fake, polled", await startFakeHarness({ flavour: "poll", lookup: "running" }));

const endedOnly = await startFakeHarness({ flavour: "push", lookup: "ended" });
testChannel("fake, knows ended calls", endedOnly, { checks: findChecks });
const mute = await startFakeHarness({ flavour: "poll", lookup: "none" });
testChannel("fake, cannot look up", mute, { checks: findChecks });
