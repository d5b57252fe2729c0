// Node-API for an addon that MinGW links. An import library would write "node.exe" into it, which a program of another name (a renamed node.exe,
// Electron) is not, and the helper with which binutils 2.40 would look functions up at their first call does not keep the registers that floating-point
// arguments are in. So the pointers that calls of imported functions go through are defined here, and filled from the running program.
#include <windows.h>

namespace {

struct Import {
  const char* name;
  FARPROC* function;
};

}  // namespace

// What the other files use; the linker misses what is not here.
#define KTLS_NODE_API(X)                                                                                               \
  X(add_finalizer) X(async_destroy) X(check_object_type_tag) X(close_callback_scope) X(close_handle_scope)             \
  X(create_array_with_length) X(create_arraybuffer) X(create_bigint_words) X(create_double) X(create_error)            \
  X(create_function) X(create_object) X(create_range_error) X(create_reference) X(create_string_utf8)                  \
  X(create_type_error) X(create_typedarray) X(define_class) X(define_properties) X(delete_reference) X(fatal_error)    \
  X(get_and_clear_last_exception) X(get_arraybuffer_info) X(get_boolean) X(get_cb_info) X(get_last_error_info)         \
  X(get_new_target) X(get_property) X(get_reference_value) X(get_typedarray_info) X(get_undefined)                     \
  X(get_value_bigint_uint64) X(get_value_bool) X(get_value_double) X(get_value_string_utf8) X(has_property)            \
  X(is_exception_pending) X(open_handle_scope) X(remove_wrap) X(set_element) X(set_named_property) X(throw)            \
  X(type_tag_object) X(typeof) X(unwrap) X(wrap)

// As the linker calls the pointer to an imported function on x86-64.
#define KTLS_POINTER(name) FARPROC __imp_napi_##name = nullptr;
extern "C" {
KTLS_NODE_API(KTLS_POINTER)
}

// Where one is missing, this file cannot be loaded, and who tried is told so.
extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, void*) {
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
#define KTLS_IMPORT(name) {"napi_" #name, &__imp_napi_##name},
  const Import imports[] = {KTLS_NODE_API(KTLS_IMPORT)};
  const HMODULE program = GetModuleHandleW(nullptr);
  for (const Import& import : imports) {
    *import.function = GetProcAddress(program, import.name);
    if (*import.function == nullptr) return FALSE;
  }
  return TRUE;
}
