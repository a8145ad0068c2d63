//! Functions that the browser never calls, and that no compiler can tell from others: Leptos keeps a pointer to them
//! for each type of view.

use walrus::{FunctionKind, Module};

use crate::panic;

/// How the names of such functions end, but for the hash.
///
/// `hydrate_async` takes over a page whose code is still on its way; the frontend loads the code first. Its second
/// name is that of the future which it answers with.
///
/// `hydrate_from_template` of attributes is never called either, and stays: where it does the same as
/// `hydrate_from_server`, the compiler makes one function of both, and keeps either name.
const NEVER_CALLED: &[&str] = &["13hydrate_async17h", "13hydrate_async28_$u7b$$u7b$closure$u7d$$u7d$17h"];

/// Leaves nothing but a trap in them, and in what begins a panic. What they alone have called goes with them when `wasm-opt` runs.
pub(crate) fn empty(module: &mut Module) {
    let unused = module.funcs.iter_mut().filter(|function| function.name.as_deref().is_some_and(is_trap));
    for function in unused {
        let FunctionKind::Local(body) = &mut function.kind else { continue };
        let entry = body.entry_block();
        body.block_mut(entry).instrs.clear();
        body.builder_mut().func_body().unreachable();
    }
}

fn is_trap(name: &str) -> bool {
    NEVER_CALLED.iter().chain(panic::FUNCTIONS).any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, ValType};

    use super::*;

    /// A module with one function, which answers 7. Told is whether it still does.
    fn still_answers(name: &str) -> bool {
        let mut module = Module::default();
        let mut builder = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        builder.name(name.to_owned()).func_body().i32_const(7);
        let id = builder.finish(Vec::new(), &mut module.funcs);
        module.exports.add("answer", id);
        empty(&mut module);
        let module = Module::from_buffer(&module.emit_wasm()).unwrap();
        let (_, function) = module.funcs.iter_local().next().unwrap();
        let first = &function.block(function.entry_block()).instrs[0].0;
        first.is_const()
    }

    #[test]
    fn what_is_never_called_ends_in_a_trap() {
        assert!(!still_answers("_ZN6tachys4view8any_view13hydrate_async17h0123456789abcdefE"));
        let future = "_ZN6tachys4view8any_view13hydrate_async28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE";
        assert!(!still_answers(future));
    }

    #[test]
    fn a_panic_is_a_trap() {
        assert!(!still_answers("_RNvNtCsgXGp5Oqx2Ny_4core9panicking9panic_fmt"));
    }

    #[test]
    fn all_else_stays() {
        assert!(still_answers("_RNvNtNtCsebHcaeoSrxy_3std9panicking11panic_count17is_zero_slow_path"));
        assert!(still_answers("_ZN6tachys4html9attribute21hydrate_from_template17h0123456789abcdefE"));
        // What a future of the other way made goes on as an effect does that was made otherwise: it may be both.
        let closure = "28_$u7b$$u7b$closure$u7d$$u7d$";
        let effect = format!("_ZN6tachys14reactive_graph13hydrate_async{closure}{closure}17h0123456789abcdefE");
        assert!(still_answers(&effect));
    }
}
