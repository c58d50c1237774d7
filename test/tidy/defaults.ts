import ts from 'typescript';
import { lineOf, parse, visitAll, type Source } from './source.js';
import { type Complaints } from './rules.js';

/** The options with their defaults; undefined where there is none. */
export type Defaults = ReadonlyMap<string, unknown>;

/** The name of what a default may stand for: `x`, `settings.x` or `settings['x']`. */
function nameOf(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
    return node.argumentExpression.text;
  return undefined;
}

/** The value that a literal writes; NaN for what is none. */
function valueOf(node: ts.Node): unknown {
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  return NaN;
}

const isElse = (kind: ts.SyntaxKind): boolean =>
  [ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.BarBarToken].includes(kind) ||
  [ts.SyntaxKind.QuestionQuestionEqualsToken, ts.SyntaxKind.BarBarEqualsToken].includes(kind);

/** The option that a node gives a value where none was given, or the same value as the table does. */
function defaulted(node: ts.Node, defaults: Defaults): string | undefined {
  const isSame = (name: string | undefined, value: ts.Node): boolean =>
    name !== undefined && defaults.get(name) === valueOf(value);
  if (ts.isBinaryExpression(node) && isElse(node.operatorToken.kind)) return nameOf(node.left);
  if (ts.isBindingElement(node) && node.initializer !== undefined) return nameOf(node.propertyName ?? node.name);
  if (ts.isParameter(node) && node.initializer !== undefined) return nameOf(node.name);
  if (ts.isPropertyAssignment(node) && isSame(node.name.getText(), node.initializer)) return node.name.getText();
  if (ts.isPropertyDeclaration(node) && node.initializer && isSame(node.name.getText(), node.initializer))
    return node.name.getText();
  return undefined;
}

/** Every default is in the options table, and nowhere else. */
export function checkDefaults(sources: readonly Source[], defaults: Defaults, table: string): Complaints {
  return sources
    .filter(({ path }) => path !== table && !path.endsWith('.generated.ts'))
    .flatMap((source) => {
      const file = parse(source);
      const complaints: Complaints = [];
      visitAll(file, (node) => {
        const name = defaulted(node, defaults);
        if (name === undefined || !defaults.has(name)) return;
        complaints.push(
          `${source.path}:${lineOf(file, node.getStart())}: gives ${name} a default, as only ${table} may`,
        );
      });
      return complaints;
    });
}
