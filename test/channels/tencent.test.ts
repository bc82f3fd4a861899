import { testChannel } from "./conformance.ts";
import { startTencentHarness } from "./tencent-harness.ts";

testChannel("tencent", await startTencentHarness("basic"), {
  deviations: {
    "webhook: a tampered push is refused": "pushes prove their sender by Basic or OAuth; their body is not signed",
    "webhook: a stale push is refused": "pushes carry no time that is signed",
    "recording: none where none was asked for, and an unknown one is an error":
      "the application records every call or none: no request has a field for it, and what exists is told",
    "find: another attempt of the same call is not taken for this one":
      "calls in progress are listed without user data: agent, customer and start are all that can be compared",
  },
});
