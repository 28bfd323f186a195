import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { Attack } from "./attack.ts";
import { codes, plain, prelude, refused, withGate, worked } from "./lab/gate-client.ts";

export const protocolAttacks: readonly Attack[] = [
  {
    id: "protocol.identity",
    group: "protocol",
    attempt: "claim another identity in the frame: source, group, session, approved",
    must: "the frame is refused",
    layer: "broker: frames have exactly three fields",
    run: async (lab) => {
      const { own, ...answers } = await withGate(
        lab,
        `const answers = {};
        for (const field of ["source", "group", "session", "approved", "id", "version", "timestamp"]) answers[field] = await ask(request("tool.invoke.attack_plain", {}, { [field]: "other" }));
        answers.own = ${plain}; say(answers);`,
      );
      return {
        stopped: refused(answers, "VALIDATION_FAILED") && own?.includes('"group":"attack"') === true,
        observed: codes(answers),
        control: { worked: worked(own), observed: "a valid frame is answered" },
      };
    },
  },
  {
    id: "protocol.foreign_process",
    group: "protocol",
    attempt: "connect to the jail's socket from a process outside the jail",
    must: "refused before its first frame",
    layer: "broker: checks that the peer process belongs to the jail",
    needs: ["processes.hidden"],
    run: async (lab) => {
      let foreign = "";
      const answers = await withGate(
        lab,
        `const first = ${plain}; await new Promise((done) => setTimeout(done, 1500)); say({ first });`,
        {
          during: async (directory) => {
            const script = `${prelude} say({ answer: await ${plain.slice("await ".length)} });`;
            const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory], {
              stdio: ["ignore", "pipe", "ignore"],
              timeout: 10_000,
            });
            foreign = JSON.parse((await text(child.stdout)) || '{"answer":"nothing"}').answer;
          },
        },
      );
      return {
        stopped: !worked(foreign),
        observed: foreign,
        control: { worked: worked(answers["first"]), observed: "a process of the jail is answered" },
      };
    },
  },
  {
    id: "protocol.frames",
    group: "protocol",
    attempt:
      "frames that are too large, declare a wrong length, never end, are empty, or arrive by the thousand",
    must: "limited, timed out or closed; another jail is served",
    layer: "broker: one endpoint process per jail, limits before parsing",
    run: async (lab) => {
      const { own, ...answers } = await withGate(
        lab,
        `const answers = {};
        answers.large = await call("attack_plain", { text: "x".repeat(1100000) });
        answers.empty = await ask("");
        let gate = await open(); const lie = Buffer.alloc(9); lie[0] = 2; lie.writeBigUInt64BE(1n << 40n, 1); gate.send(lie); answers.lie = await patient(gate.next());
        gate = await open(); gate.send(message("{}").subarray(0, 12)); answers.half = await patient(gate.next());
        gate = await open(); const tiny = message("x"); for (let n = 0; n < 20000; n++) gate.send(tiny); answers.tiny = await patient(gate.next()); gate.socket.destroy();
        answers.own = ${plain}; say(answers);`,
      );
      const other = await withGate(lab, `say({ own: ${plain} });`);
      return {
        stopped: refused(answers, "VALIDATION_FAILED", "RATE_LIMITED", "closed"),
        observed: codes(answers),
        control: {
          worked: worked(other["own"]),
          observed: `another jail is answered (its own: ${own?.split(" ", 1)[0]})`,
        },
      };
    },
  },
  {
    id: "protocol.json",
    group: "protocol",
    attempt: "JSON bombs: deep nesting, duplicate keys, __proto__, invalid UTF-8, NaN, endless numbers",
    must: "a typed error for each",
    layer: "broker: strict JSON parser",
    run: async (lab) => {
      const { own, ...answers } = await withGate(
        lab,
        `const head = '{"topic":"tool.invoke.attack_plain","correlation":"j","arguments":';
        const bad = { depth: head + '{"more":' + "[".repeat(5000) + "]".repeat(5000) + "}}", twice: head + '{"text":"a","text":"b"}}', proto: head + '{"__proto__":{"text":"x"}}}',
          utf8: Buffer.concat([Buffer.from(head + '{"text":"'), Buffer.from([255, 254, 192, 128]), Buffer.from('"}}')]), nan: head + '{"more":NaN}}', huge: head + '{"more":1e999}}', cut: head.slice(0, 30) };
        const answers = {}; for (const [name, body] of Object.entries(bad)) answers[name] = await ask(body);
        answers.own = ${plain}; say(answers);`,
      );
      return {
        stopped: refused(answers, "VALIDATION_FAILED"),
        observed: codes(answers),
        control: { worked: worked(own), observed: "well-formed JSON is answered" },
      };
    },
  },
  {
    id: "protocol.approval",
    group: "protocol",
    attempt: "bypass an approval: call, repeat, swap the approved arguments, replay",
    must: "a person is asked each time; an approved call runs once",
    layer: "approvals: durable, bound to the arguments, single use",
    run: async (lab) => {
      const before = lab.tools.effects;
      const ask = async (allow: boolean) => {
        const pending = await lab.gate.approvals.list({ state: "pending" });
        const open = pending.find(({ tool }) => tool === "attack_effect");
        if (allow && open) await lab.gate.approvals.decide(open.id, "allow", "the person of the test");
      };
      const without = await withGate(
        lab,
        `say({ call: await call("attack_effect", { text: "a" }), repeat: await call("attack_effect", { text: "a" }) });`,
      );
      const none = lab.tools.effects - before;
      for (const { id } of await lab.gate.approvals.list({ state: "pending" }))
        await lab.gate.approvals.decide(id, "deny", "the test");
      const stop = lab.gate.approvals.onAsked(
        ({ detail }) => void (detail.includes('"a"') ? ask(true) : undefined),
      );
      const allowed = await withGate(
        lab,
        `say({ first: await call("attack_effect", { text: "a" }), swapped: await call("attack_effect", { text: "b" }) });`,
      );
      stop();
      const once = lab.tools.effects - before;
      return {
        stopped:
          none === 0 &&
          once === 1 &&
          !worked(without["call"]) &&
          !worked(without["repeat"]) &&
          !worked(allowed["swapped"]),
        observed: `${codes(without)}; swapped: ${allowed["swapped"]?.split(" ", 1)[0]}`,
        control: { worked: worked(allowed["first"]), observed: "an approved call runs" },
      };
    },
  },
  {
    id: "protocol.injection",
    group: "protocol",
    attempt:
      "untrusted content (a page, an issue, alt text, terminal escapes) tells the agent to call a tool",
    must: "a person is asked, and the card names the origin",
    layer: "broker: taint of the session; approvals: the origin on the card",
    run: async (lab) => {
      const cards: { readonly tool: string; readonly origin?: string }[] = [];
      const stop = lab.gate.approvals.onAsked((card) => void cards.push(card));
      const { before, after } = await withGate(
        lab,
        `const before = ${plain}; await call("attack_page"); say({ before, after: ${plain} });`,
      );
      stop();
      const [card] = cards;
      return {
        stopped:
          after?.startsWith("CONFIRMATION_TIMEOUT") === true &&
          cards.length === 1 &&
          card?.tool === "attack_plain" &&
          card.origin?.includes("attack_page") === true,
        observed: `${after?.split(" ", 1)[0]}; on the card: ${card?.origin ?? "nothing"}`,
        control: { worked: worked(before), observed: "before that content, the same call runs" },
      };
    },
  },
  {
    id: "protocol.principal",
    group: "protocol",
    attempt:
      "make a tool act for someone else: principals in the arguments, in nested objects, in the correlation id",
    must: "only the host tells the tool who calls",
    layer: "broker: the principal comes from the jail; schemas refuse unknown fields",
    run: async (lab) => {
      const claims = '{ group: "root", session: "other", user: "root", principal: { group: "root" } }';
      const { own, nested, ...answers } = await withGate(
        lab,
        `const answers = {};
        for (const [field, value] of Object.entries(${claims})) answers[field] = await call("attack_plain", { [field]: value });
        answers.nested = await call("attack_plain", { more: ${claims} });
        answers.named = await ask(JSON.stringify({ topic: "tool.invoke.attack_plain", correlation: "root\\n", arguments: {} }));
        answers.own = ${plain}; say(answers);`,
      );
      return {
        stopped:
          refused(answers, "VALIDATION_FAILED") &&
          nested !== undefined &&
          nested === own &&
          !nested.includes("root"),
        observed: `${codes(answers)}; nested: ${nested === own ? "the jail's own" : nested}`,
        control: { worked: worked(own), observed: "a call without such claims runs" },
      };
    },
  },
  {
    id: "protocol.card",
    group: "protocol",
    attempt:
      "spoof the approval card: line breaks, Markdown, ANSI, right-to-left text, an argument that hides another",
    must: "escaped plain text; truncation is marked and hides no argument",
    layer: "approvals: escaping of cards",
    run: async (lab) => {
      const cards: { detail: string; truncated: boolean; title: string }[] = [];
      const stop = lab.gate.approvals.onAsked((card) => void cards.push(card));
      await withGate(
        lab,
        `await Promise.all([call("attack_effect", { text: "\\u202egpj.exe\\u2066\\u001b[2K\\u001b[1A\\r\\u0000\\u200b" }), call("attack_effect", { text: "x".repeat(90000), more: "the real one" })]); say({});`,
      );
      stop();
      const hidden = cards.filter(({ detail, title }) =>
        [...detail, ...title].some((each) => /[\p{Cc}\p{Cf}]/u.test(each) && each !== "\n"),
      );
      const long = cards.find(({ detail }) => detail.includes("xxx"));
      return {
        stopped:
          cards.length === 2 &&
          hidden.length === 0 &&
          long?.truncated === true &&
          long.detail.includes("the real one"),
        observed: `${hidden.length} of ${cards.length} cards with hidden characters; the long one is marked as cut`,
        control: { worked: cards.length === 2, observed: "both calls produced a card" },
      };
    },
  },
  {
    id: "protocol.results",
    group: "protocol",
    attempt: "a plugin returns a secret, throws one in a message, or hangs",
    must: "redacted; a generic error; a timeout",
    layer: "broker: one executor around every handler, redaction",
    run: async (lab) => {
      const answers = await withGate(
        lab,
        `say({ leak: await call("attack_leak"), thrown: await call("attack_throw"), hang: await call("attack_hang"), own: ${plain} });`,
      );
      const secret = lab.canaries.modelKey;
      const all = JSON.stringify(answers);
      const leaked =
        all.includes(secret) ||
        all.includes(secret.slice(0, -6)) ||
        all.includes("10.0.0.1") ||
        all.includes("/home/host");
      return {
        stopped:
          !leaked &&
          answers["thrown"]?.startsWith("PLUGIN_ERROR") === true &&
          answers["hang"]?.startsWith("PLUGIN_TIMEOUT") === true,
        observed: codes({ thrown: answers["thrown"] ?? "", hang: answers["hang"] ?? "" }),
        control: {
          worked: worked(answers["leak"]) && worked(answers["own"]),
          observed: "the rest of the result arrives",
        },
      };
    },
  },
  {
    id: "protocol.beginnings",
    group: "protocol",
    attempt: "a page full of secret prefixes, to make redaction take minutes",
    must: "answered; another jail is served in the meantime",
    layer: "broker: patterns with linear running time",
    run: async (lab) => {
      const [answers, other] = await Promise.all([
        withGate(lab, `say({ page: (await call("attack_beginnings")).slice(0, 80) });`),
        withGate(lab, `say({ own: ${plain} });`),
      ]);
      const { page } = answers;
      return {
        stopped: worked(page),
        observed: worked(page) ? "answered" : (page ?? "nothing"),
        control: { worked: worked(other["own"]), observed: "another jail is answered" },
      };
    },
  },
  {
    id: "protocol.schemas",
    group: "protocol",
    attempt:
      "values that a plugin's schema takes years to check: catastrophic backtracking, an address of colons",
    must: "aborted; another jail is served in the meantime",
    layer: "broker: schema validation has a time limit",
    run: async (lab) => {
      const [answers, other] = await Promise.all([
        withGate(
          lab,
          `say({ pattern: await call("attack_pattern"), address: await call("attack_address", { url: "http://" + ":".repeat(100000) + " " }) });`,
        ),
        withGate(lab, `say({ own: ${plain} });`),
      ]);
      return {
        stopped:
          answers["pattern"]?.startsWith("PLUGIN_ERROR") === true &&
          answers["address"]?.startsWith("VALIDATION_FAILED") === true,
        observed: codes(answers),
        control: { worked: worked(other["own"]), observed: "another jail is answered" },
      };
    },
  },
];
