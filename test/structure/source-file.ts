import { posix } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

/** What the rules need to know of one file of src. Paths are relative to the checkout: `src/core/task.ts`. */
export interface SourceFile {
  readonly path: string
  readonly isTest: boolean
  readonly lines: number
  /** Files of the project that it imports or re-exports from, types included. */
  readonly imports: readonly string[]
  /** Everything else that it imports or re-exports from, as it is written. */
  readonly packages: readonly string[]
  readonly readsEnvironment: boolean
  /** Names of the variables that could change for the whole process. */
  readonly moduleVariables: readonly string[]
}

export function readSource(path: string, text: string): SourceFile {
  const { program, module, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)

  const requests = [
    ...module.staticImports.map((statement) => statement.moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.map((entry) => entry.moduleRequest?.value)),
    ...module.dynamicImports.map(({ moduleRequest }) => text.slice(moduleRequest.start + 1, moduleRequest.end - 1)),
  ]
  const imports = requests
    .filter((request) => request?.startsWith('.'))
    .map((request) => posix.join(posix.dirname(path), request ?? ''))

  return {
    path,
    isTest: path.endsWith('.test.ts') || path.endsWith('.fixture.ts'),
    lines: text.split('\n').length - 1,
    imports: [...new Set(imports)],
    packages: [...new Set(requests.filter((request) => request?.startsWith('.') === false))].map(String),
    readsEnvironment: readsEnvironment(program),
    moduleVariables: program.body.flatMap(variablesOf),
  }
}

type Program = ReturnType<typeof parseSync>['program']

function variablesOf(statement: Program['body'][number]): string[] {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
  if (declaration?.type !== 'VariableDeclaration' || !['let', 'var'].includes(declaration.kind)) return []
  return declaration.declarations.map(({ id }) => (id.type === 'Identifier' ? id.name : id.type))
}

/** Finds `process.env`, `process['env']` and `import { env } from 'node:process'`. */
function readsEnvironment(program: Program): boolean {
  let isFound = false
  const visitor = new Visitor({
    MemberExpression({ object, property }) {
      const isProcess = object.type === 'Identifier' && object.name === 'process'
      const name = property.type === 'Identifier' ? property.name : property.type === 'Literal' && property.value
      if (isProcess && name === 'env') isFound = true
    },
    ImportDeclaration({ source, specifiers }) {
      if (source.value !== 'node:process') return
      const names = specifiers.map(
        (one) => one.type === 'ImportSpecifier' && 'name' in one.imported && one.imported.name,
      )
      if (names.includes('env')) isFound = true
    },
  })
  visitor.visit(program)
  return isFound
}
