/** Sign-in with GitHub and with an OpenID Connect server. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { GitHubEmulator } from "@holdfast/testing/github";
import { OAuth2Server } from "oauth2-mock-server";
import { createStudioClient, type Studio } from "../../src/index.ts";
import type { ForgeAccounts } from "../../src/people/forge-accounts.ts";
import type { People } from "../../src/people/people.ts";
import type { SignInAttempt } from "../../src/people/providers/attempt-cookie.ts";
import { ProviderAccounts } from "../../src/people/providers/join.ts";
import type { Provider, ProviderProfile } from "../../src/people/providers/provider.ts";
import { connectAs } from "../access/people-support.ts";
import { temporaryFolder } from "../support.ts";
import { openPeople } from "./actors-support.ts";
import { asOperator, code, joinAs, organization, send, start } from "./studio-support.ts";

/** A browser that keeps its cookies. */
class TestBrowser {
  readonly #studio: Studio;
  readonly #cookies = new Map<string, string>();

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  take(cookies: readonly string[]): void {
    for (const cookie of cookies) {
      const [pair = ""] = cookie.split(";", 1);
      const at = pair.indexOf("=");
      if (/Max-Age=0\b/i.test(cookie)) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }

  /** Begins a sign-in, or the connection of an account, and returns the address of the provider. */
  async begin(path: string, body: object = {}): Promise<URL> {
    const answer = await send(
      this.#studio,
      "POST",
      `/people/providers/${path}`,
      { cookie: this.cookie },
      body,
    );
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    this.take(answer.cookies);
    return new URL(String(answer.body["url"]));
  }

  /** Comes back from the provider, and returns where the Studio leads to. */
  async comeBack(url: string | URL): Promise<string> {
    const answer = await fetch(url, { redirect: "manual", headers: { cookie: this.cookie } });
    assert.equal(answer.status, 303, await answer.text());
    this.take(answer.headers.getSetCookie());
    return answer.headers.get("location") ?? "";
  }

  async me(): Promise<Readonly<Record<string, unknown>>> {
    return (await send(this.#studio, "GET", "/people/me", { cookie: this.cookie })).body;
  }
}

/** Where a provider leads to after the person has agreed. */
async function agreeAt(url: URL, login?: string): Promise<string> {
  if (login !== undefined) url.searchParams.set("login", login);
  const answer = await fetch(url, { redirect: "manual" });
  assert.equal(answer.status, 302);
  return answer.headers.get("location") ?? "";
}

const problem = (name: string) => `/#problem=people.provider_${name}`;

describe("sign-in with accounts elsewhere", () => {
  let github: GitHubEmulator;
  let oidc: OAuth2Server;
  /** What the OpenID Connect server says about the person. */
  let claims: Record<string, unknown>;

  before(async () => {
    github = await GitHubEmulator.start();
    oidc = new OAuth2Server();
    await oidc.issuer.keys.generate("RS256");
    await oidc.start(0, "127.0.0.1");
    oidc.service.on("beforeTokenSigning", ({ payload }: { payload: Record<string, unknown> }) => {
      Object.assign(payload, claims);
    });
    claims = {};
  });
  after(async () => {
    await github.close();
    await oidc.stop();
  });

  const open = async (t: TestContext, domains: readonly string[] = []) => {
    const issuer = oidc.issuer.url ?? "";
    const studio = await start(t, join(temporaryFolder(t), "data"), {
      signIn: {
        github: {
          url: github.url,
          clientId: github.accounts.clientId,
          clientSecret: github.accounts.clientSecret,
        },
        oidc: { issuer, clientId: "holdfast", clientSecret: "secret", name: "Example Org" },
        domains,
      },
    });
    const operator = await asOperator(studio);
    const invite = async (body: object) => {
      const made = await send(studio, "POST", `${organization}/invitations`, operator, body);
      return String(made.body["token"]);
    };
    return { studio, operator, invite, browser: () => new TestBrowser(studio) };
  };

  test("joins by an invitation, signs in from then on, and nobody joins without one", async (t) => {
    const { studio, invite, browser } = await open(t);
    const listed = await send(studio, "GET", "/people/providers");
    assert.deepEqual(listed.body["providers"], [
      { id: "github", name: "GitHub" },
      { id: "oidc", name: "Example Org" },
    ]);
    const stranger = browser();
    const refused = await stranger.comeBack(await agreeAt(await stranger.begin("github"), "ada"));
    assert.equal(refused, problem("not_invited"));
    const token = await invite({ role: "admin" });
    const ada = browser();
    const url = await ada.begin("github", { invitation: token });
    assert.equal(url.searchParams.get("code_challenge_method"), "S256");
    assert.equal(await ada.comeBack(await agreeAt(url, "ada")), "/");
    const me = await ada.me();
    assert.equal(me["email"], "ada@users.example.org");
    assert.deepEqual(me["organizations"], [{ id: "local", role: "admin" }]);
    const again = browser();
    assert.equal(await again.comeBack(await agreeAt(await again.begin("github"), "ada")), "/");
    assert.equal((await again.me())["id"], me["id"]);
    // The sign-in proves whose account it is: nobody else becomes it, and an admin does not change it.
    const { attention } = createStudioClient(connectAs(t, studio.url, { cookie: ada.cookie }));
    const accounts = await attention.forgeAccounts();
    assert.deepEqual(
      accounts.map(({ person, server, login, proof }) => ({ person, server, login, proof })),
      [{ person: me["id"], server: `${github.url}/api/v3`, login: "ada", proof: "sign-in" }],
    );
    // Somebody else with the same invitation.
    const late = browser();
    const used = await late.comeBack(await agreeAt(await late.begin("github", { invitation: token }), "bob"));
    assert.equal(used, "/#problem=invitation.not_found");
  });

  test("a provider that is saved in the settings is in force at once; the environment wins", async (t) => {
    const studio = await start(t, join(temporaryFolder(t), "data"));
    const { administration } = studio.client;
    const listed = async () => (await send(studio, "GET", "/people/providers")).body["providers"];
    assert.deepEqual(await listed(), []);
    const { clientId, clientSecret } = github.accounts;
    await administration.saveSignInProvider({ id: "github", clientId, clientSecret, url: github.url });
    assert.deepEqual(await listed(), [{ id: "github", name: "GitHub" }]);
    const check = await administration.checkConnection("sign-in/github");
    assert.deepEqual([check.isWorking, /secret are accepted/.test(check.detail)], [true, true], check.detail);
    const [saved] = (await administration.signIn()).providers;
    assert.deepEqual([saved?.source, saved?.clientId, saved?.hasSecret], ["settings", clientId, true]);
    assert.ok(!JSON.stringify(saved).includes(clientSecret));
    const operator = await asOperator(studio);
    const made = await send(studio, "POST", `${organization}/invitations`, operator, { role: "owner" });
    const ada = new TestBrowser(studio);
    const way = await ada.begin("github", { invitation: String(made.body["token"]) });
    assert.equal(await ada.comeBack(await agreeAt(way, "ada")), "/");

    const isInvalid = (error: unknown) => isErrorCode(error, "administration", "invalid_input");
    for (const wrong of [{ clientId: "" }, { clientId, url: "http://github.example.org" }])
      await assert.rejects(administration.saveSignInProvider({ id: "github", ...wrong }), isInvalid);
    await assert.rejects(administration.saveSignInProvider({ id: "oidc", clientId }), isInvalid);
    await assert.rejects(administration.saveSignInDomains(["example org"]), isInvalid);
    await administration.saveSignInDomains(["Example.org"]);
    assert.deepEqual((await administration.signIn()).domains, ["example.org"]);
    await administration.removeSignInProvider("github");
    assert.deepEqual(await listed(), []);

    const { studio: other } = await open(t);
    const [given] = (await other.client.administration.signIn()).providers;
    assert.deepEqual([given?.source, given?.hasSecret], ["environment", true]);
    await assert.rejects(other.client.administration.removeSignInProvider("github"), (error) =>
      isErrorCode(error, "administration", "set_by_environment"),
    );
  });

  test("a secret stays with the server that it was entered for, and so do accounts", async (t) => {
    const studio = await start(t, join(temporaryFolder(t), "data"));
    const { administration } = studio.client;
    const other = new OAuth2Server();
    await other.issuer.keys.generate("RS256");
    await other.start(0, "127.0.0.1");
    t.after(() => other.stop());
    claims = { sub: "1", email: "ada@example.org", email_verified: true };
    other.service.on("beforeTokenSigning", ({ payload }: { payload: Record<string, unknown> }) => {
      Object.assign(payload, claims);
    });
    const first = { id: "oidc", clientId: "holdfast", issuer: oidc.issuer.url ?? "" } as const;
    const second = { ...first, issuer: other.issuer.url ?? "" };
    await administration.saveSignInProvider({ ...first, clientSecret: "the-first-secret" });
    await administration.saveSignInProvider({ ...first, name: "Example Org" });
    const operator = await asOperator(studio);
    const made = await send(studio, "POST", `${organization}/invitations`, operator, { role: "owner" });
    const ada = new TestBrowser(studio);
    const way = await ada.begin("oidc", { invitation: String(made.body["token"]) });
    assert.equal(await ada.comeBack(await agreeAt(way)), "/");
    const { id } = await ada.me();

    const isInvalid = (error: unknown) => isErrorCode(error, "administration", "invalid_input");
    await assert.rejects(administration.saveSignInProvider(second), isInvalid);
    await administration.saveSignInProvider({ ...second, clientSecret: "the-second-secret" });
    // Somebody else has the same id there.
    const enter = async () => {
      const page = new TestBrowser(studio);
      return { page, at: await page.comeBack(await agreeAt(await page.begin("oidc"))) };
    };
    assert.equal((await enter()).at, problem("needs_link"));
    claims = { ...claims, email: "mal@example.org" };
    assert.equal((await enter()).at, problem("not_invited"));
    await administration.saveSignInProvider({ ...first, clientSecret: "the-first-secret" });
    const again = await enter();
    assert.deepEqual([again.at, (await again.page.me())["id"]], ["/", id]);
  });

  test("an account that was kept without its server is known where the environment says so, and gets it", async (t) => {
    const { actors, auth, signUp } = openPeople(t);
    const { user } = await signUp("ada@example.org");
    const { internalAdapter } = await auth.$context;
    await internalAdapter.createAccount({ userId: user.id, providerId: "oidc", accountId: "7" });
    const accounts = new ProviderAccounts({
      ...{ actors, auth: () => auth, domains: async () => [] },
      // Nobody joins, and no account is one of a forge.
      ...{ people: {} as People, forgeAccounts: {} as ForgeAccounts },
    });
    const enter = (subject: string, more: Partial<ProviderProfile> = {}) =>
      accounts.personFor(
        { id: "oidc", name: "Example Org" } as Provider,
        { subject, name: "", email: "", isEmailVerified: false, ...more },
        { invitation: null, linksTo: null } as SignInAttempt,
        undefined,
      );
    const isUnknown = (error: unknown) => isErrorCode(error, "people", "provider_unverified");
    await assert.rejects(enter("https://a.example 7"), isUnknown);
    assert.equal(await enter("https://a.example 7", { formerSubject: "7" }), user.id);
    assert.equal(await enter("https://a.example 7"), user.id);
    await assert.rejects(enter("https://b.example 7", { formerSubject: "7" }), isUnknown);
    assert.deepEqual(await accounts.connected(user.id), ["oidc"]);
  });

  test("a server that leads people to a script leads nobody", async (t) => {
    const studio = await start(t, join(temporaryFolder(t), "data"));
    let issuer = "";
    const server = createServer((_request, response) => {
      const token_endpoint = `${issuer}/token`;
      const endpoints = { authorization_endpoint: "javascript:alert(1)", token_endpoint, jwks_uri: issuer };
      response.end(JSON.stringify({ issuer, ...endpoints }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const input = { id: "oidc", clientId: "holdfast", clientSecret: "the-first-secret", issuer } as const;
    await studio.client.administration.saveSignInProvider(input);
    const begun = await send(studio, "POST", "/people/providers/oidc", {}, {});
    assert.equal(code(begun), "people.provider_refused");
  });

  test("an account with the same address is connected by whoever is signed in to it, and by nobody else", async (t) => {
    const { studio, operator, browser } = await open(t);
    const ada = await joinAs(studio, operator, "member", "ada@users.example.org");
    const thief = browser();
    assert.equal(
      await thief.comeBack(await agreeAt(await thief.begin("github"), "ada")),
      problem("needs_link"),
    );
    const own = browser();
    own.take(ada.answer.cookies);
    const link = await own.begin("github/link");
    assert.equal(await own.comeBack(await agreeAt(link, "ada")), "/account");
    const other = browser();
    assert.equal(await other.comeBack(await agreeAt(await other.begin("github"), "ada")), "/");
    assert.equal((await other.me())["id"], ada.id);
    const bob = await joinAs(studio, operator, "member", "bob@example.org");
    const bobs = browser();
    bobs.take(bob.answer.cookies);
    const taken = await bobs.comeBack(await agreeAt(await bobs.begin("github/link"), "ada"));
    assert.equal(taken, "/account#problem=people.provider_account_taken");
    // The connection was begun as Bob, and comes back as Ada.
    const mixed = await bobs.begin("oidc/link");
    bobs.take(ada.answer.cookies);
    assert.equal(await bobs.comeBack(await agreeAt(mixed)), "/account#problem=people.provider_signed_out");
    const path = "/people/providers/github";
    assert.equal((await send(studio, "DELETE", path, ada.credentials)).status, 204);
    assert.equal(code(await send(studio, "DELETE", path, ada.credentials)), "people.provider_not_connected");
  });

  test("a verified address of an allowed domain may join as a member", async (t) => {
    const { studio, browser } = await open(t, ["example.com"]);
    const join = async (given: Record<string, unknown>) => {
      claims = given;
      const page = browser();
      return { page, at: await page.comeBack(await agreeAt(await page.begin("oidc"))) };
    };
    const eve = { sub: "eve", email: "eve@example.com" };
    assert.equal((await join(eve)).at, problem("unverified"));
    assert.equal(
      (await join({ ...eve, email: "eve@evil-example.com", email_verified: true })).at,
      problem("not_invited"),
    );
    const joined = await join({ ...eve, email_verified: true, name: "Eve" });
    assert.equal(joined.at, "/");
    const me = await joined.page.me();
    assert.deepEqual([me["name"], me["organizations"]], ["Eve", [{ id: "local", role: "member" }]]);
    // Without a password or a passkey, it is the only way in.
    const credentials = { cookie: joined.page.cookie };
    assert.equal(
      code(await send(studio, "DELETE", "/people/providers/oidc", credentials)),
      "people.last_way_in",
    );
  });

  test("what comes back twice, late, elsewhere or with an error ends in words", async (t) => {
    const { studio, invite, browser } = await open(t);
    const page = browser();
    const first = await page.begin("github", { invitation: await invite({ role: "member" }) });
    const second = await page.begin("github");
    const way = await agreeAt(first, "cyd");
    const elsewhere = browser();
    assert.equal(await elsewhere.comeBack(way), problem("expired"), "another browser");
    const forged = new URL(way);
    forged.searchParams.set("state", "x".repeat(43));
    assert.equal(await page.comeBack(forged), problem("expired"), "a state that nobody has made");
    // A browser sends it twice at once; two tabs come back in the other order.
    const twice = await Promise.all([page.comeBack(way), page.comeBack(way)]);
    assert.deepEqual(twice, ["/", "/"]);
    const { id } = await page.me();
    assert.equal(typeof id, "string");
    assert.equal(await page.comeBack(await agreeAt(second, "cyd")), "/");
    assert.equal(await page.comeBack(way), "/", "loaded again after the sign-in");

    const answers = async (query: Readonly<Record<string, string>>) => {
      const visitor = browser();
      const url = await visitor.begin("github");
      const back = new URL(url.searchParams.get("redirect_uri") ?? "");
      const state = url.searchParams.get("state") ?? "";
      for (const [name, value] of Object.entries({ state, ...query })) back.searchParams.set(name, value);
      return visitor.comeBack(back);
    };
    assert.equal(await answers({ error: "access_denied" }), problem("denied"));
    assert.equal(await answers({ error: "server_error" }), problem("refused"));
    assert.equal(await answers({ code: "nonsense" }), problem("refused"));
    assert.equal(await answers({}), problem("refused"));

    claims = { sub: "dan", nonce: "of another sign-in" };
    const dan = browser();
    assert.equal(await dan.comeBack(await agreeAt(await dan.begin("oidc"))), problem("refused"), "nonce");
    claims = { sub: "dan", aud: "another-client" };
    assert.equal(await dan.comeBack(await agreeAt(await dan.begin("oidc"))), problem("refused"), "audience");
    claims = { sub: "dan" };
    oidc.service.once("beforeResponse", (response: { statusCode: number }) => {
      response.statusCode = 503;
    });
    assert.equal(await dan.comeBack(await agreeAt(await dan.begin("oidc"))), problem("unreachable"));
    const unknown = await send(studio, "POST", "/people/providers/elsewhere", {}, {});
    assert.equal(code(unknown), "people.unknown_provider");
  });

  test("an admin checks the connections", async (t) => {
    const { studio } = await open(t);
    const connections = await studio.client.administration.connections();
    const ours = connections.filter(({ kind }) => kind === "sign-in").map(({ id }) => id);
    assert.deepEqual(ours, ["sign-in/github", "sign-in/oidc"]);
    for (const id of ours) {
      const check = await studio.client.administration.checkConnection(id);
      assert.ok(check.isWorking, JSON.stringify(check));
    }
    const wrong = await start(t, join(temporaryFolder(t), "data"), {
      signIn: { github: { url: github.url, clientId: "wrong", clientSecret: "wrong" } },
    });
    const check = await wrong.client.administration.checkConnection("sign-in/github");
    assert.ok(!check.isWorking && check.detail.includes("incorrect_client_credentials"), check.detail);
  });
});
