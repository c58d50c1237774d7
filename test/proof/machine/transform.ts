import ts from 'typescript';

/*
 * Turns the sources of the heap into coroutines. Every function that touches shared words, or calls one that does,
 * becomes a generator; each atomic operation is a point where others may move, and so is each plain access to a word that
 * several workers touch. What a plain access reads or stores is told to the machine (`m`), which keeps vector clocks, counts stores
 * for crash points and can undo everything. The sources themselves stay as they are: this works on their syntax tree.
 *
 *     i32[at] = count           ->   (_a = i32, _b = at, _c = count, m.storePoint(_a, _b) && (yield m.signal), m.write(_a, _b, _c, SITE))
 *     helper(region)            ->   (yield* helper(region))            in a function that has become a generator
 *     helper(region)            ->   $now(helper(region))               in a constructor, a getter or a callback of the engine
 */

/** Where a plain access is in the sources. */
export interface Site {
  readonly place: string;
  readonly inside: string;
}

const FUNCTIONS = [
  ts.SyntaxKind.FunctionDeclaration,
  ts.SyntaxKind.MethodDeclaration,
  ts.SyntaxKind.ArrowFunction,
  ts.SyntaxKind.FunctionExpression,
  ts.SyntaxKind.Constructor,
  ts.SyntaxKind.GetAccessor,
];

const isFunction = (node: ts.Node): node is ts.FunctionLikeDeclaration => FUNCTIONS.includes(node.kind);

function enclosingFunction(node: ts.Node): ts.FunctionLikeDeclaration | undefined {
  let at = node.parent as ts.Node | undefined;
  while (at !== undefined && !isFunction(at)) at = at.parent;
  return at;
}

/** Names under which the words of the region are known: fields, locals and parameters. */
const WORDS = new Set(['i32', 'words']);
/** Methods of arrays that may be given a callback that has become a generator. */
const HELPED = new Set(['filter', 'some', 'map']);

const nameOf = (node: ts.Expression): string =>
  ts.isPropertyAccessExpression(node) ? node.name.text : ts.isIdentifier(node) ? node.text : '';

const isWords = (node: ts.Expression): boolean => WORDS.has(nameOf(node));

const isSharedElement = (node: ts.Node): node is ts.ElementAccessExpression =>
  ts.isElementAccessExpression(node) && isWords(node.expression);

/** `i32.fill(...)` and `i32.copyWithin(...)`. */
const isBulkStore = (node: ts.Node): node is ts.CallExpression & { expression: ts.PropertyAccessExpression } =>
  ts.isCallExpression(node) &&
  ts.isPropertyAccessExpression(node.expression) &&
  ['fill', 'copyWithin'].includes(node.expression.name.text) &&
  isWords(node.expression.expression);

export class Transform {
  readonly sites: Site[] = [];
  private readonly checker: ts.TypeChecker;
  /** Functions that become generators. */
  private readonly stepping = new Set<ts.Node>();

  constructor(
    program: ts.Program,
    private readonly files: readonly ts.SourceFile[],
    private readonly atomicsFile: string,
  ) {
    this.checker = program.getTypeChecker();
    this.findStepping();
  }

  /** Fixed point: a function steps if it touches shared words or calls one that steps. */
  private findStepping(): void {
    const callers = new Map<ts.Node, Set<ts.Node>>();
    const ready: ts.Node[] = [];
    const addCaller = (callee: ts.Node, caller: ts.Node): void => {
      if (!callers.has(callee)) callers.set(callee, new Set());
      callers.get(callee)!.add(caller);
    };
    const visit = (node: ts.Node): void => {
      const inside = enclosingFunction(node);
      if (isFunction(node) && node.getSourceFile().fileName.endsWith(this.atomicsFile)) ready.push(node);
      if (inside !== undefined && (isSharedElement(node) || isBulkStore(node))) ready.push(inside);
      if (ts.isMethodDeclaration(node)) {
        const overridden = this.overriddenBy(node);
        // A call may run either, so both step or neither does.
        if (overridden !== undefined) {
          addCaller(node, overridden);
          addCaller(overridden, node);
        }
      }
      if (inside !== undefined && ts.isCallExpression(node)) {
        for (const callee of this.calleesOf(node)) addCaller(callee, inside);
      }
      ts.forEachChild(node, visit);
    };
    for (const file of this.files) visit(file);
    while (ready.length > 0) {
      const node = ready.pop()!;
      if (this.stepping.has(node)) continue;
      this.stepping.add(node);
      ready.push(...(callers.get(node) ?? []));
    }
  }

  /** The method of a base class that this one stands for. */
  private overriddenBy(method: ts.MethodDeclaration): ts.Node | undefined {
    const { parent, name } = method;
    if (!ts.isClassDeclaration(parent) || !ts.isIdentifier(name)) return undefined;
    const base = parent.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
    const declared = base && this.checker.getTypeAtLocation(base).getProperty(name.text)?.valueDeclaration;
    return declared !== undefined && ts.isMethodDeclaration(declared) ? declared : undefined;
  }

  /** What a call runs: the function called, and a callback that a helped array method is given. */
  private calleesOf(call: ts.CallExpression): ts.Node[] {
    const callback = this.callbackOf(call);
    const declared = this.checker.getResolvedSignature(call)?.declaration;
    return [declared, callback].filter(
      (node): node is ts.FunctionLikeDeclaration => node !== undefined && isFunction(node),
    );
  }

  private callbackOf(call: ts.CallExpression): ts.Node | undefined {
    if (!ts.isPropertyAccessExpression(call.expression) || !HELPED.has(call.expression.name.text)) return undefined;
    const argument = call.arguments.at(0);
    if (argument === undefined || ts.isArrowFunction(argument)) return argument;
    return this.checker.getTypeAtLocation(argument).getCallSignatures().at(0)?.declaration;
  }

  private steps(node: ts.Node | undefined): boolean {
    return node !== undefined && this.stepping.has(node);
  }

  /** A call through a declared shape hides which function it runs; if that is one that steps, it would be made and never run. */
  private refuseUnknown(call: ts.CallExpression, callee: ts.Node | undefined): void {
    if (callee === undefined || isFunction(callee) || callee.getSourceFile().isDeclarationFile) return;
    const name = nameOf(call.expression);
    for (const node of this.stepping) {
      if (!isFunction(node) || node.name === undefined || node.name.getText() !== name) continue;
      throw new Error(
        `${call.getSourceFile().fileName}: ${name}() is called by a shape; give it the type of the function`,
      );
    }
  }

  /** `x?.steps()` and `x?.i32[at]`: where x is undefined there is nothing to run through, and the rest of the chain is not left out. */
  private refuseOptional(node: ts.Node, what: string): void {
    if (!ts.isOptionalChain(node)) return;
    const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart());
    throw new Error(`${node.getSourceFile().fileName}:${line + 1}: ${what} by way of "?."; ask with an "if" before it`);
  }

  /** Whether a function that steps can be a generator: the engine calls constructors, getters and its own callbacks. */
  private isGenerator(node: ts.FunctionLikeDeclaration | undefined): boolean {
    if (node === undefined || !this.steps(node)) return false;
    if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) return true;
    if (!ts.isArrowFunction(node)) return false;
    const { parent } = node;
    if (ts.isVariableDeclaration(parent)) return true;
    return ts.isCallExpression(parent) && this.callbackOf(parent) === node;
  }

  private site(node: ts.Node): ts.Expression {
    const file = node.getSourceFile();
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart());
    const short = file.fileName.replace(/^.*\/src\//, '');
    const inside = enclosingFunction(node);
    let named: ts.Node | undefined = inside;
    while (named !== undefined && !(isFunction(named) && named.name !== undefined)) named = named.parent;
    const name = named === undefined ? 'module' : ((named as ts.FunctionDeclaration).name?.text ?? 'constructor');
    this.sites.push({ place: `${short}:${line + 1}:${character + 1}`, inside: name });
    return ts.factory.createNumericLiteral(this.sites.length - 1);
  }

  /** For `program.emit`. */
  readonly factory: ts.TransformerFactory<ts.SourceFile> = (context) => (file) => {
    const rewriter = new Rewriter(this, context);
    return rewriter.file(file);
  };

  /* What the rewriter asks. */
  readonly ask = {
    callee: (call: ts.CallExpression): ts.Node | undefined => this.checker.getResolvedSignature(call)?.declaration,
    callback: (call: ts.CallExpression): ts.Node | undefined => this.callbackOf(call),
    refuseUnknown: (call: ts.CallExpression, callee: ts.Node | undefined): void => this.refuseUnknown(call, callee),
    refuseOptional: (node: ts.Node, what: string): void => this.refuseOptional(node, what),
    steps: (node: ts.Node | undefined): boolean => this.steps(node),
    isAtomic: (node: ts.Node): boolean => node.getSourceFile().fileName.endsWith(this.atomicsFile),
    isGenerator: (node: ts.FunctionLikeDeclaration | undefined): boolean => this.isGenerator(node),
    site: (node: ts.Node): ts.Expression => this.site(node),
  };
}

/** Rewrites one file. */
class Rewriter {
  private readonly f = ts.factory;
  constructor(
    private readonly plan: Transform,
    private readonly context: ts.TransformationContext,
  ) {}

  file(file: ts.SourceFile): ts.SourceFile {
    return ts.visitEachChild(file, this.visit, this.context);
  }

  private readonly visit = (node: ts.Node): ts.Node => {
    if (isFunction(node)) return this.function(node);
    if (ts.isForOfStatement(node) && this.isSteppingSource(node.expression)) return this.forOf(node);
    if (ts.isArrayLiteralExpression(node)) return this.array(node);
    if (ts.isYieldExpression(node) && node.expression !== undefined && node.asteriskToken === undefined)
      return this.f.updateYieldExpression(node, undefined, this.runtime('$value', [this.expression(node.expression)]));
    if (ts.isYieldExpression(node))
      return this.f.updateYieldExpression(node, node.asteriskToken, this.source(node.expression!));
    if (isBulkStore(node)) return this.bulk(node);
    if (ts.isCallExpression(node)) return this.call(node);
    if (ts.isBinaryExpression(node) && isSharedElement(node.left) && this.isAssignment(node))
      return this.assignment(node);
    if ((ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node)) && isSharedElement(node.operand)) {
      const { operator } = node;
      if (operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken)
        return this.increment(node, node.operand, operator);
    }
    if (isSharedElement(node)) return this.read(node);
    return ts.visitEachChild(node, this.visit, this.context);
  };

  private expression(node: ts.Expression): ts.Expression {
    return ts.visitNode(node, this.visit) as ts.Expression;
  }

  /** Functions that step become generators; arrows among them become function expressions. */
  private function(node: ts.FunctionLikeDeclaration): ts.Node {
    const visited = ts.visitEachChild(node, this.visit, this.context);
    if (!this.plan.ask.isGenerator(node)) return visited;
    const star = this.f.createToken(ts.SyntaxKind.AsteriskToken);
    if (ts.isFunctionDeclaration(visited))
      return this.f.updateFunctionDeclaration(
        visited,
        visited.modifiers,
        star,
        visited.name,
        undefined,
        visited.parameters,
        undefined,
        visited.body,
      );
    if (ts.isMethodDeclaration(visited))
      return this.f.updateMethodDeclaration(
        visited,
        visited.modifiers,
        star,
        visited.name,
        undefined,
        undefined,
        visited.parameters,
        undefined,
        visited.body,
      );
    const { parameters, body } = visited as ts.ArrowFunction;
    const block = ts.isBlock(body) ? body : this.f.createBlock([this.f.createReturnStatement(body)]);
    return this.f.createFunctionExpression(undefined, star, undefined, undefined, parameters, undefined, block);
  }

  private inGenerator(node: ts.Node): boolean {
    return this.plan.ask.isGenerator(enclosingFunction(node));
  }

  private runtime(name: string, parameters: ts.Expression[]): ts.Expression {
    return this.f.createCallExpression(this.f.createIdentifier(name), undefined, parameters);
  }

  private machine(name: string, parameters: ts.Expression[]): ts.Expression {
    const method = this.f.createPropertyAccessExpression(this.f.createIdentifier('m'), name);
    return this.f.createCallExpression(method, undefined, parameters);
  }

  /** Runs something that steps: with its points where the caller is a generator too, else in one go. */
  private run(at: ts.Node, generator: ts.Expression): ts.Expression {
    if (!this.inGenerator(at)) return this.runtime('$now', [generator]);
    const delegate = this.f.createYieldExpression(this.f.createToken(ts.SyntaxKind.AsteriskToken), generator);
    return this.f.createParenthesizedExpression(delegate);
  }

  private call(node: ts.CallExpression): ts.Expression {
    const visited = ts.visitEachChild(node, this.visit, this.context);
    const { ask } = this.plan;
    const name = nameOf(node.expression);
    if (ask.steps(ask.callback(node))) {
      ask.refuseOptional(node, `${name}() is given a function that steps`);
      const { expression } = visited.expression as ts.PropertyAccessExpression;
      return this.run(node, this.runtime(`$${name}`, [expression, visited.arguments[0]]));
    }
    const callee = ask.callee(node);
    ask.refuseUnknown(node, callee);
    if (callee === undefined || !ask.steps(callee)) return visited;
    ask.refuseOptional(node, `${name}() steps and is called`);
    if (this.isSourceFunction(callee)) return visited;
    if (!ask.isAtomic(callee)) return this.run(node, visited);
    const { expression, typeArguments, arguments: given } = visited;
    const withSite = this.f.updateCallExpression(visited, expression, typeArguments, [...given, ask.site(node)]);
    return this.run(node, withSite);
  }

  /** A generator of the sources' own, which yields values between its points. */
  private isSourceFunction(callee: ts.Node | undefined): boolean {
    return callee !== undefined && isFunction(callee) && (callee as ts.FunctionDeclaration).asteriskToken !== undefined;
  }

  private isSteppingSource(node: ts.Expression): boolean {
    if (!ts.isCallExpression(node)) return false;
    const callee = this.plan.ask.callee(node);
    return this.plan.ask.steps(callee) && this.isSourceFunction(callee);
  }

  private source(node: ts.Expression): ts.Expression {
    return this.expression(node);
  }

  /** `for (const x of source())`: passes points on, takes values. */
  private forOf(node: ts.ForOfStatement): ts.Node {
    const { f } = this;
    const iterator = f.createUniqueName('source');
    const result = f.createUniqueName('result');
    const field = (of: ts.Expression, name: string): ts.Expression => f.createPropertyAccessExpression(of, name);
    const next = f.createCallExpression(field(iterator, 'next'), undefined, []);
    const isValue = this.runtime('$isValue', [field(result, 'value')]);
    const [declaration] = (node.initializer as ts.VariableDeclarationList).declarations;
    const pass = this.inGenerator(node)
      ? f.createExpressionStatement(f.createYieldExpression(undefined, field(result, 'value')))
      : f.createEmptyStatement();
    const constant = (name: ts.BindingName, value: ts.Expression): ts.VariableDeclarationList =>
      f.createVariableDeclarationList(
        [f.createVariableDeclaration(name, undefined, undefined, value)],
        ts.NodeFlags.Const,
      );
    const body = f.createBlock([
      f.createVariableStatement(undefined, constant(result, next)),
      f.createIfStatement(field(result, 'done'), f.createBreakStatement()),
      f.createIfStatement(f.createLogicalNot(isValue), f.createBlock([pass, f.createContinueStatement()])),
      f.createVariableStatement(undefined, constant(declaration.name, field(field(result, 'value'), 'value'))),
      ts.visitNode(node.statement, this.visit) as ts.Statement,
    ]);
    return f.createForStatement(constant(iterator, this.expression(node.expression)), undefined, undefined, body);
  }

  /** `[...source()]` */
  private array(node: ts.ArrayLiteralExpression): ts.Expression {
    const [only] = node.elements;
    if (node.elements.length === 1 && ts.isSpreadElement(only) && this.isSteppingSource(only.expression))
      return this.run(node, this.runtime('$collect', [this.expression(only.expression)]));
    return ts.visitEachChild(node, this.visit, this.context);
  }

  private isAssignment(node: ts.BinaryExpression): boolean {
    const { kind } = node.operatorToken;
    return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
  }

  private temp(): ts.Identifier {
    const name = this.f.createUniqueName('_t');
    this.context.hoistVariableDeclaration(name);
    return name;
  }

  private sequence(parts: (ts.Expression | undefined)[]): ts.Expression {
    const present = parts.filter((part) => part !== undefined);
    return this.f.createParenthesizedExpression(present.reduce((a, b) => this.f.createComma(a, b)));
  }

  /** `m.loadPoint(a, b) && (yield m.signal)`; nothing where there is no way to yield. */
  private point(
    at: ts.Node,
    name: 'loadPoint' | 'storePoint',
    array: ts.Expression,
    index: ts.Expression,
  ): ts.Expression | undefined {
    if (!this.inGenerator(at)) return undefined;
    const signal = this.f.createPropertyAccessExpression(this.f.createIdentifier('m'), 'signal');
    const pause = this.f.createParenthesizedExpression(this.f.createYieldExpression(undefined, signal));
    return this.f.createLogicalAnd(this.machine(name, [array, index]), pause);
  }

  private place(node: ts.ElementAccessExpression): {
    array: ts.Identifier;
    index: ts.Identifier;
    set: ts.Expression[];
  } {
    this.plan.ask.refuseOptional(node, 'shared words are touched');
    const [array, index] = [this.temp(), this.temp()];
    const set = [
      this.f.createAssignment(array, this.expression(node.expression)),
      this.f.createAssignment(index, this.expression(node.argumentExpression)),
    ];
    return { array, index, set };
  }

  private read(node: ts.ElementAccessExpression): ts.Expression {
    const { array, index, set } = this.place(node);
    const read = this.machine('read', [array, index, this.plan.ask.site(node)]);
    return this.sequence([...set, this.point(node, 'loadPoint', array, index), read]);
  }

  private assignment(node: ts.BinaryExpression): ts.Expression {
    const target = node.left as ts.ElementAccessExpression;
    const { array, index, set } = this.place(target);
    const value = this.temp();
    const right = this.expression(node.right);
    const site = this.plan.ask.site(node);
    const write = this.machine('write', [array, index, value, site]);
    const point = this.point(node, 'storePoint', array, index);
    const { kind } = node.operatorToken;
    if (kind === ts.SyntaxKind.EqualsToken)
      return this.sequence([...set, this.f.createAssignment(value, right), point, write]);
    const old = this.temp();
    const read = this.f.createAssignment(old, this.machine('read', [array, index, site]));
    const operator = binaryOf(kind);
    const sum = this.f.createAssignment(
      value,
      this.f.createBinaryExpression(old, operator, this.f.createParenthesizedExpression(right)),
    );
    return this.sequence([...set, this.point(node, 'loadPoint', array, index), read, sum, point, write]);
  }

  private increment(
    node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression,
    target: ts.ElementAccessExpression,
    operator: ts.SyntaxKind,
  ): ts.Expression {
    const { array, index, set } = this.place(target);
    const [old, value] = [this.temp(), this.temp()];
    const site = this.plan.ask.site(node);
    const read = this.f.createAssignment(old, this.machine('read', [array, index, site]));
    const sign = operator === ts.SyntaxKind.PlusPlusToken ? ts.SyntaxKind.PlusToken : ts.SyntaxKind.MinusToken;
    const sum = this.f.createAssignment(
      value,
      this.f.createBinaryExpression(old, sign, this.f.createNumericLiteral(1)),
    );
    const write = this.machine('write', [array, index, value, site]);
    const result = ts.isPostfixUnaryExpression(node) ? old : value;
    const points = [
      this.point(node, 'loadPoint', array, index),
      read,
      sum,
      this.point(node, 'storePoint', array, index),
    ];
    return this.sequence([...set, ...points, write, result]);
  }

  private bulk(node: ts.CallExpression & { expression: ts.PropertyAccessExpression }): ts.Expression {
    this.plan.ask.refuseOptional(node, 'shared words are touched');
    const receiver = this.expression(node.expression.expression);
    const rest = node.arguments.map((argument) => this.expression(argument));
    return this.run(node, this.machine(node.expression.name.text, [receiver, this.plan.ask.site(node), ...rest]));
  }
}

const BINARY = new Map<ts.SyntaxKind, ts.BinaryOperator>([
  [ts.SyntaxKind.PlusEqualsToken, ts.SyntaxKind.PlusToken],
  [ts.SyntaxKind.MinusEqualsToken, ts.SyntaxKind.MinusToken],
  [ts.SyntaxKind.BarEqualsToken, ts.SyntaxKind.BarToken],
  [ts.SyntaxKind.AmpersandEqualsToken, ts.SyntaxKind.AmpersandToken],
  [ts.SyntaxKind.CaretEqualsToken, ts.SyntaxKind.CaretToken],
]);

function binaryOf(kind: ts.SyntaxKind): ts.BinaryOperator {
  const operator = BINARY.get(kind);
  if (operator === undefined) throw new Error(`the transform knows no ${ts.SyntaxKind[kind]} on shared words`);
  return operator;
}
