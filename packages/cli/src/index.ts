/**
 * Parts that the command lines of Holdfast share (`holdfast`, `holdfast sandbox`): arguments, error text, text for
 * terminals, the data directory, and access to the server that runs on it. May use `core` only.
 */

export { didYouMean } from "@holdfast/core/did-you-mean";
export * from "./arguments.ts";
export { endWithOutput } from "./closed-output.ts";
export type { Command, CommandEntry, CommandLoader } from "./command.ts";
export { askControl, type ControlServer, notRunning, type OwnerLink, serveControl } from "./control.ts";
export { controlSocketOf, dataDirectoryOf, prepareDataDirectory } from "./data-directory.ts";
export { describableError, failureJson, failureText, wrongUsage } from "./failure.ts";
export { cliLogger } from "./log.ts";
export { endLogin, exchangeTicket } from "./owner-login.ts";
export { harmless, jsonLine, type Screen, screenOf, style } from "./terminal-text.ts";
