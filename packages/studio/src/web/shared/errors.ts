import { isHoldfastError } from "@holdfast/core";
import { type ErrorText, errorCode } from "@holdfast/web-parts/errors";

/** True if this browser is not signed in: the cookie is missing, wrong or expired. */
export function isSignedOut(error: unknown): boolean {
  if (!isHoldfastError(error)) return false;
  if (error.group === "inspector") return error.code === "unauthorized";
  return error.group === "auth" && error.code !== "forbidden";
}

/** True if no response of the server arrived: the outcome of the request is unknown. */
export function isResponseLost(error: unknown): boolean {
  return !isHoldfastError(error) || ["client", "conn", "message"].includes(error.group);
}

const known: Readonly<Record<string, ErrorText>> = {
  "repository.not_found": {
    title: "There is no folder at this path.",
    next: "Check the spelling. The path is absolute and on the machine that runs Holdfast.",
  },
  "repository.not_a_repository": {
    title: "This folder is not a git repository.",
    next: "Choose the folder that contains .git, or run “git init” and make a commit.",
  },
  "repository.bare": {
    title: "This is a bare repository.",
    next: "Clone it and choose the clone: applying changes needs a working tree.",
  },
  "repository.empty": {
    title: "This repository has no commit yet.",
    next: "Make a first commit for the task to start from.",
  },
  "repository.dirty": {
    title: "The working tree has changes that are not committed.",
    next: "Commit or stash them, or start from the last commit.",
  },
};

/** An error as text for people, with what to do next. The code is shown separately, for the documentation. */
export function describeError(error: unknown): ErrorText {
  const code = errorCode(error);
  const words = code === undefined ? undefined : known[code];
  if (words !== undefined) return words;
  // Groups "client" and "conn" are connection errors; all others come from the server.
  if (isHoldfastError(error) && error.group !== "client" && error.group !== "conn") {
    return { title: error.message, next: "" };
  }
  return {
    title: "The server does not answer.",
    next: "It may have been stopped. This page retries automatically. Start the server again with “npm start”.",
  };
}
