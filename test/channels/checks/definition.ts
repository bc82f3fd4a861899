import assert from "node:assert/strict";
import { z } from "zod";
import { ChannelError } from "../../../channels/contract.ts";
import { deadUrl, divertedFetch } from "../faults.ts";
import { channelOf, never } from "../line.ts";
import { type Check, failure } from "./check.ts";

export const definitionChecks: Check[] = [
  {
    name: "definition: names, limits and titles fit",
    async run({ definition, config }) {
      assert.match(definition.provider, /^[a-z][a-z0-9]{0,7}$/);
      assert(definition.title.zh !== "" && definition.title.en !== "");
      const parsed = definition.config.parse(config);
      const { followPerMinute, followBatchMax, followEveryMs, pollEveryMs } = definition.quota(parsed);
      for (const limit of [followPerMinute, followBatchMax, followEveryMs, pollEveryMs]) assert(limit > 0);
      const { settleAfterMs, absentProvesForMs } = definition.lookup(parsed);
      assert(settleAfterMs >= 0 && absentProvesForMs >= 0 && definition.precisionMs > 0);
    },
  },
  {
    name: "definition: the config can be drawn as a form, is strict, and declares its secrets",
    async run({ definition, config, secrets }) {
      const schema = z.toJSONSchema(definition.config, { io: "input" });
      const fields = schema.properties ?? {};
      for (const [name, field] of Object.entries(fields)) {
        assert(typeof field === "object" && field.title, `the field ${name} has no title`);
      }
      for (const name of definition.secretFields) assert(name in fields, `the secret field ${name} does not exist`);
      for (const name of definition.addressFields) assert(name in fields, `the address ${name} does not exist`);
      const addresses = Object.entries(fields).filter(
        ([, field]) => typeof field === "object" && field.format === "uri",
      );
      for (const [name] of addresses) assert(definition.addressFields.includes(name), `${name} is an address too`);
      const parsed: unknown = definition.config.parse(config);
      assert(typeof parsed === "object" && parsed !== null);
      const isHidden = (name: string) => definition.secretFields.includes(name);
      const shown = JSON.stringify(Object.entries(parsed).filter(([name]) => !isHidden(name)));
      for (const secret of secrets) assert(!shown.includes(secret), "a secret stands in a field not declared as one");
      assert(!definition.config.safeParse({ ...parsed, unheardOf: 1 }).success, "unknown fields are let through");
    },
  },
  {
    name: "definition: the account key is stable and holds no secret",
    async run({ definition, config, secrets }) {
      const key = definition.accountKey(definition.config.parse(config));
      assert(key !== "");
      assert.equal(definition.accountKey(definition.config.parse(structuredClone(config))), key);
      for (const secret of secrets) assert(!key.includes(secret));
    },
  },
  {
    name: "definition: capabilities and methods agree",
    async run(harness) {
      const { definition } = harness;
      const config = definition.config.parse(harness.config);
      const channel = channelOf(harness);
      assert.equal(channel.provider, definition.provider);
      assert.equal(channel.control !== undefined, definition.controls(config).length > 0);
      assert.equal(channel.poll !== undefined, definition.hasFeed(config));
      assert.equal(channel.hangup !== undefined, definition.canHangUp(config));
      if (definition.polled(config)) assert(channel.follow || channel.poll, "polled, but nothing can be asked");
      else if (definition.live(config) !== "none") assert(channel.webhook, "not polled, but nothing can be pushed");
      await channel.close();
      await channel.close();
    },
  },
  {
    name: "probe: right credentials pass, wrong ones and no reach are told apart",
    async run(harness) {
      await channelOf(harness).probe(never());
      const wrong = channelOf(harness, {}, harness.wrongConfig);
      assert.equal((await failure(wrong.probe(never()), "probe with a wrong secret")).kind, "unauthorized");
      const fetch = divertedFetch(harness.tools.fetch, await deadUrl(), () => true);
      const unreached = await failure(channelOf(harness, { fetch }).probe(never()), "probe of a dead address");
      assert(unreached instanceof ChannelError);
      assert.equal(unreached.kind, "unreachable");
    },
  },
];
