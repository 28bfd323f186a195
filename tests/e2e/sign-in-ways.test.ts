/** Passkeys in a real browser, whose authenticator the debugger provides, and sign-in with an account at GitHub. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import { GitHubEmulator } from "@holdfast/testing/github";
import { OAuth2Server } from "oauth2-mock-server";
import type { Browser, CDPSession, Page } from "playwright-core";
import { assertAccessible, assertAccessibleInThemes } from "./support/axe.ts";
import { missing, openPage, SharedPage } from "./support/browser.ts";
import { assertFits, keepScreenshot, openSignedIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();
const password = "correct horse battery";

/** An authenticator with a screen lock, as in a phone or a laptop. */
async function addAuthenticator(page: Page): Promise<{ readonly cdp: CDPSession; readonly id: string }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { cdp, id: authenticatorId };
}

describe("ways to sign in", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let operators: SharedPage;
  /** Of those who sign in without a passkey. */
  let others: SharedPage;
  let site: string;
  let github: GitHubEmulator;

  before(async () => {
    browser = await launchChromium();
    operators = new SharedPage(browser);
    others = new SharedPage(browser);
    github = await GitHubEmulator.start();
    github.accounts.user("ada");
    studio = await StudioProcess.create({
      args: ["--people"],
      environment: {
        HOLDFAST_GITHUB_URL: github.url,
        HOLDFAST_GITHUB_CLIENT_ID: github.accounts.clientId,
        HOLDFAST_GITHUB_CLIENT_SECRET: github.accounts.clientSecret,
      },
    });
    // A passkey needs a name.
    site = studio.url.replace("127.0.0.1", "localhost");
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    await github?.close();
  });

  /** The link of an invitation that the operator makes. */
  async function invite(t: TestContext): Promise<string> {
    const operator = await operators.open(t);
    await openSignedIn(operator, studio, "/people");
    await operator.getByRole("button", { name: "Create invitation" }).click();
    return await operator.getByRole("group", { name: "Link of the invitation" }).locator("code").innerText();
  }

  test("passkeys are added, named, sign in where the person is verified, once an answer, and are removed", async (t) => {
    const link = await invite(t);
    const page = await openPage(browser, t);
    const { cdp, id: authenticatorId } = await addAuthenticator(page);
    await page.goto(link.replace("127.0.0.1", "localhost"));
    await page.getByLabel("Name").fill("Ada Lovelace");
    await page.getByLabel("E-mail address").fill("ada@example.org");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Create account and join" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.getByRole("link", { name: "Account" }).click();
    const name = page.getByLabel("Name of the new passkey");
    await name.fill("Laptop");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.locator('[data-passkey="Laptop"]').waitFor();
    // A second one on the same device says so.
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByText("This device has a passkey for your account already.").waitFor();
    await page.getByRole("button", { name: "Rename Laptop" }).click();
    await page.getByLabel("New name of Laptop").fill("Ada's laptop");
    await page.keyboard.press("Enter");
    await page.locator(`[data-passkey="Ada's laptop"]`).waitFor();
    // Nothing is half below the bar.
    await page.evaluate("scrollTo(0, 0)");
    await assertAccessibleInThemes(page, "account with a passkey");
    await keepScreenshot(page, "passkeys");
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "account with a passkey");
    await page.setViewportSize({ width: 1280, height: 900 });

    // Without its person at the device, nothing happens.
    await cdp.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: false });
    await page.getByRole("button", { name: "Sign out" }).click();
    const button = page.getByRole("button", { name: "Sign in with a passkey" });
    await button.waitFor();
    await assertAccessible(page, "sign in with a passkey");
    await keepScreenshot(page, "passkeys-sign-in");
    const sent = page.waitForRequest((request) => request.url().endsWith("/people/passkey"));
    await cdp.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: true });
    await button.click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    const send = async (body: string) => {
      const headers = { "content-type": "application/json", origin: site };
      const answer = await fetch(`${site}/people/passkey`, { method: "POST", headers, body });
      return [answer.status, ((await answer.json()) as { readonly code: string }).code];
    };
    const answer = (await sent).postData() ?? "";
    assert.deepEqual(await send(answer), [403, "invalid_passkey"], "an answer is used once");

    // A page that asks for no verification gets an answer, which the server refuses.
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    const unverified = await page.evaluate<string>(`(async () => {
      const asked = await fetch("/people/passkey/options", { method: "POST" });
      const options = { ...(await asked.json()), userVerification: "discouraged" };
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const credential = await navigator.credentials.get({ publicKey });
      return JSON.stringify({ response: credential.toJSON() });
    })()`);
    assert.deepEqual(await send(unverified), [403, "invalid_passkey"], "nobody was verified");
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

    await page.getByRole("link", { name: "Account" }).click();
    await page.getByText(/, used /).waitFor();
    await page.getByRole("button", { name: "Remove Ada's laptop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.locator(`[data-passkey="Ada's laptop"]`).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Sign out" }).click();
    // The browser offers it in the field, and its person takes it.
    await page.getByText("This passkey is not known here").waitFor();
    await assertAccessible(page, "a passkey that was removed");
  });

  test("a server of OpenID Connect is set up in the settings, checked, and signs people of its domain in", async (t) => {
    const server = new OAuth2Server();
    await server.issuer.keys.generate("RS256");
    await server.start(0, "127.0.0.1");
    t.after(() => server.stop());
    server.service.on("beforeTokenSigning", ({ payload }: { payload: Record<string, unknown> }) => {
      Object.assign(payload, { sub: "7", email: "grace@team.example", email_verified: true, name: "Grace" });
    });
    const operator = await operators.open(t);
    await openSignedIn(operator, studio, "/settings");
    await operator.getByRole("link", { name: "Sign-in", exact: true }).click();
    const form = operator.getByRole("form", { name: "OpenID Connect" });
    await form.getByLabel("Client ID").fill("holdfast");
    await form.getByLabel("Client secret").fill("the-secret-of-holdfast");
    await form.getByLabel("Issuer").fill(server.issuer.url ?? "");
    await form.getByLabel("Name on the button").fill("Team SSO");
    const section = operator.locator('[data-provider="oidc"]');
    await section.getByRole("button", { name: "Save" }).click();
    await section.getByText("People sign in with it.").waitFor();
    await operator.getByRole("button", { name: "Check now: OpenID Connect" }).click();
    await section.locator('[data-outcome="true"]').waitFor();
    await operator.getByRole("textbox", { name: "Domains" }).fill("team.example");
    const saved = operator.waitForResponse((response) => response.url().includes("saveSignInDomains"));
    await operator.getByRole("button", { name: "Save domains" }).click();
    assert.equal((await saved).status(), 200);
    await assertAccessibleInThemes(operator, "sign-in that is set up");
    await keepScreenshot(operator, "settings-sign-in-oidc");

    const page = await others.open(t);
    await page.goto(studio.url);
    await page.getByRole("button", { name: "Sign in with Team SSO" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await operator.getByRole("button", { name: "Remove OpenID Connect" }).click();
    await operator.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await section.getByText("Not set up.").waitFor();
    await operator.getByRole("link", { name: "People" }).click();
    await operator.getByText("grace@team.example").waitFor();
    await page.getByRole("link", { name: "Account" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign in with GitHub" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Sign in with Team SSO" }).count(), 0);
  });

  test("an account at GitHub joins, signs in, and is shown on the page Account", async (t) => {
    const page = await others.open(t);
    await page.goto(await invite(t));
    await page.getByRole("button", { name: "Join with GitHub" }).click();
    await page.getByRole("link", { name: "ada" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.getByRole("link", { name: "Account" }).click();
    await page.getByText("Connected: it signs you in").waitFor();
    await page.getByRole("button", { name: "Disconnect GitHub" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("This is your only way to sign in.").waitFor();
    await page.keyboard.press("Escape");
    await page.evaluate("scrollTo(0, 0)");
    await assertAccessibleInThemes(page, "account at GitHub");
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "account at GitHub");
    await page.getByText("Connected: it signs you in").scrollIntoViewIfNeeded();
    await keepScreenshot(page, "sign-in-github-account");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in with GitHub" }).click();
    await page.getByRole("heading", { name: "Sign in as" }).waitFor();
    // The person changes their mind.
    const back = new URL(new URL(page.url()).searchParams.get("redirect_uri") ?? "");
    const state = new URL(page.url()).searchParams.get("state") ?? "";
    await page.goto(`${back.href}?error=access_denied&state=${state}`);
    await page.getByText("You did not allow the sign-in there.").waitFor();
    assert.equal(new URL(page.url()).hash, "");
    await assertAccessible(page, "a sign-in that was not allowed");
    await assertFits(page, "a sign-in that was not allowed");
    await keepScreenshot(page, "sign-in-github-denied");
    await page.getByRole("button", { name: "Sign in with GitHub" }).click();
    await page.getByRole("link", { name: "ada" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  });
});
