import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { request } from "@holdfast/web-parts/request";
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from "@simplewebauthn/browser";

/** True if this browser can use passkeys at this address: they need HTTPS or localhost, and a name. */
export function canUsePasskeys(): boolean {
  const { hostname } = window.location;
  const isNumbers = /^[\d.]+$/.test(hostname) || hostname.startsWith("[");
  return window.isSecureContext && typeof window.PublicKeyCredential === "function" && !isNumbers;
}

/** Loaded with the first use: few pages need it. */
const library = () => import("@simplewebauthn/browser");

/** Makes a passkey in this browser, and adds it to the account. */
export async function addPasskey(name: string): Promise<void> {
  const optionsJSON = await request<PublicKeyCredentialCreationOptionsJSON>(
    "POST",
    "/people/passkeys/options",
    {},
  );
  const { startRegistration } = await library();
  const response = await startRegistration({ optionsJSON });
  await request("POST", "/people/passkeys", { name, response: plain(response) });
}

/**
 * Signs in with a passkey. With `isOffered`, the browser offers it in the field for the e-mail address, and the promise
 * waits until the person takes it.
 */
export async function signInWithPasskey(isOffered = false): Promise<void> {
  const optionsJSON = await request<PublicKeyCredentialRequestOptionsJSON>(
    "POST",
    "/people/passkey/options",
    {},
  );
  const { startAuthentication } = await library();
  const response = await startAuthentication({ optionsJSON, useBrowserAutofill: isOffered });
  await request("POST", "/people/passkey", { response: plain(response) });
}

/** True if the browser can offer passkeys in a field. */
export async function offersPasskeys(): Promise<boolean> {
  return canUsePasskeys() && (await (await library()).browserSupportsWebAuthnAutofill());
}

/** Ends what a page that is left has asked the browser for. */
export async function stopOfferingPasskeys(): Promise<void> {
  (await library()).WebAuthnAbortService.cancelCeremony();
}

/** True if the person closed the browser's dialog, or another question took its place: nothing to report. */
export function isPasskeyCancelled(error: unknown): boolean {
  return error instanceof Error && ["NotAllowedError", "AbortError"].includes(error.name);
}

/** An error of the browser in words: `people.passkey_failed`. */
export function passkeyProblem(error: unknown): unknown {
  if (!(error instanceof Error) || isHoldfastError(error)) return error;
  const message =
    error.name === "InvalidStateError"
      ? "This device has a passkey for your account already."
      : `The browser could not use a passkey: ${error.message}`;
  return new HoldfastError("people", "passkey_failed", message);
}

/** The same as JSON, without fields that are not there. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
