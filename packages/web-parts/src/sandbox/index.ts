/** Client of a sandbox server for both web apps: requests, files, events. */
export {
  isConflict,
  isNotFound,
  isPermanentRefusal,
  isSandboxStopped,
  isUnreachable,
} from "./errors.ts";
export { type FileRef, fileRefQuery, formatFileRef, toFileRef } from "./file-ref.ts";
export {
  baseName,
  breadcrumbs,
  decodeText,
  download,
  join,
  readBlob,
  readText,
  saveText,
  type TextFile,
  type UnreadableFile,
  upload,
} from "./files.ts";
export { restoreLineEndings } from "./line-ends.ts";
export { pause } from "./pause.ts";
export { type SandboxAddress, type SandboxCall, SandboxHttp } from "./sandbox-http.ts";
export { readServerSentEvents } from "./server-sent.ts";
export { splitCommand } from "./split-command.ts";
export { type DirectoryWatch, watchDirectory } from "./watch-directory.ts";
