import type { Mail } from "./mailer.ts";

/** A mail with an invitation. */
export function invitationMail(to: string, role: string, link: string): Mail {
  const text = `You are invited to Holdfast as ${role}.\n\nOpen this link to join. It works once, for seven days:\n${link}\n\nIf you did not expect this, ignore it.\n`;
  return { to, subject: "You are invited to Holdfast", text };
}

/** A mail with a link by which its reader signs in. */
export function signInMail(to: string, link: string): Mail {
  const text = `Somebody asked to sign in to Holdfast with your address.\n\nOpen this link to sign in. It works once, for fifteen minutes:\n${link}\n\nIf it was not you, ignore this. Nobody is signed in.\n`;
  return { to, subject: "Sign in to Holdfast", text };
}

/** A mail with a link by which its reader sets a new password. */
export function resetMail(to: string, link: string): Mail {
  const text = `Somebody asked to reset your password for Holdfast.\n\nOpen this link to choose a new one. It works once, for an hour:\n${link}\n\nIf it was not you, ignore this. Your password stays as it is.\n`;
  return { to, subject: "Reset your password for Holdfast", text };
}
