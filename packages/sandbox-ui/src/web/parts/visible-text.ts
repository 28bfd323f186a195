export { visibleText } from "@holdfast/sandbox-react/visible-text";
