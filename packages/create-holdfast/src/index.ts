/** `npm create holdfast`: questions, templates, and the install of a new project. May use `cli` only. */
export {
  CreateError,
  checkDirectory,
  createProject,
  type NewProject,
  packageName,
} from "./create-project.ts";
export { install, installFailure, type PackageManager, packageManager, runLine } from "./install.ts";
export { isTemplate, type TemplateName, templates } from "./templates.ts";
